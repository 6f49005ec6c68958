"""The table of the matrix stands in the documents, with every command that there is."""

from __future__ import annotations

import pytest

from tests.killing.results import BEGIN, END, PAGE
from tests.killing.subjects import SUBJECTS


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_documents_tell_what_was_tried_at_each_command(name: str) -> None:
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert f"\n| {name} | " in table
