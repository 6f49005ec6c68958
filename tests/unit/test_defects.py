"""The known mistakes can still be made, and each has a test that finds it."""

from __future__ import annotations

import pytest

from tests.defects import record
from tests.defects.catalogue import SEEDS
from tests.defects.seed import ROOT, Seed

FOUND = record.load()


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_the_text_that_a_mistake_replaces_stands_there_once(seed: Seed) -> None:
    assert seed.fits()
    assert seed.right != seed.wrong
    assert all((ROOT / path).exists() for path in seed.tests)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_the_test_that_finds_a_mistake_is_still_there(seed: Seed) -> None:
    assert seed.name in FOUND, "run make defects"
    path, name = FOUND[seed.name].split("::", 1)
    function = name.split("[")[0].split("::")[-1]
    assert f"def {function}(" in (ROOT / path).read_text(), "run make defects"


def test_every_mistake_has_a_name_of_its_own() -> None:
    assert len({seed.name for seed in SEEDS}) == len(SEEDS)
