"""The page about schedule names every code that a plan can carry, and draws what is drawn."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest

from tuturuuu_jobs.commands.week import LEGEND
from tuturuuu_jobs.scheduling.decisions import Cause, Code, RemedyKind

PAGE = (Path(__file__).parents[2] / "docs" / "schedule.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [Cause, Code, RemedyKind], ids=lambda kind: kind.__name__)
def test_every_code_of_a_plan_is_in_the_first_column_of_a_table(kind: type[StrEnum]) -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([a-z_]+)`", row)}

    assert {code.value for code in kind} <= named


def test_the_picture_has_the_legend_that_is_printed() -> None:
    assert LEGEND in PAGE
