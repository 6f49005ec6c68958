"""The documents say what the program does: generated pages are up to date and complete."""

import json

import pytest

from tests.docs import reference_page, schema_page
from tests.docs.codes import codes
from tests.docs.generate import PAGES, render
from tuturuuu_jobs import settings
from tuturuuu_jobs.runtime.outcome import ExitCode, Kind

REFERENCE = reference_page.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    path, text = render(name)

    assert path.read_text(encoding="utf-8") == text, "run make docs"


def test_every_exit_code_and_outcome_is_documented() -> None:
    for code in ExitCode:
        assert f"| {int(code)} | {code.name.lower()} |" in REFERENCE
    for kind in Kind:
        assert f"| `{kind}` |" in REFERENCE


def test_every_setting_is_documented_under_its_names() -> None:
    for field in settings.FIELDS:
        assert f"`{settings.variable_of(field)}`" in REFERENCE
        assert f"| `{field}` |" in REFERENCE
    for field in settings.SECRETS:
        assert f"`{settings.variable_of(field)}_FILE`" in REFERENCE


def test_every_command_and_option_is_documented_with_its_meaning() -> None:
    for path, command in reference_page.commands():
        assert f"### `{path}" in REFERENCE
        assert command.help, path
        for param in command.params:
            for option in param.opts:
                assert option in REFERENCE
            assert getattr(param, "help", None), f"{path}: {param.opts}"


def test_every_code_is_documented_once() -> None:
    for code in codes():
        assert REFERENCE.count(f"| `{code.code}` | {reference_page._cell(code.message)} |") == 1


def test_every_key_of_the_result_document_has_a_meaning() -> None:
    document = json.loads(schema_page.PAGE.read_text(encoding="utf-8"))

    for part in (document, document["$defs"]["Problem"]):
        assert all(field["description"] for field in part["properties"].values())
        assert sorted(part["required"]) == sorted(part["properties"])
