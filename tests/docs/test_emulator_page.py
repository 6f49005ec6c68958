from __future__ import annotations

import fnmatch

import pytest

from tests.docs.emulator_page import PAGE, proofs, proved_by, render, subjects


def test_the_page_is_what_the_program_and_its_tests_say() -> None:
    page = PAGE.read_text()
    assert page == render(page), "run: python -m tests.docs.emulator_page"


@pytest.mark.parametrize("name", subjects())
def test_every_endpoint_and_fault_has_a_test(name: str) -> None:
    assert proved_by(name)


def test_every_proof_names_something_that_exists() -> None:
    for proof in proofs():
        assert fnmatch.filter(subjects(), proof.pattern), proof
