"""The seeded mistakes can still be seeded."""

from __future__ import annotations

import pytest

from tests.defects import of_schedule, of_sync
from tests.defects.seed import ROOT, Seed

SEEDS = (*of_schedule.SEEDS, *of_sync.SEEDS)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_the_text_that_a_mistake_replaces_stands_there_once(seed: Seed) -> None:
    assert (ROOT / seed.path).read_text().count(seed.right) == 1
    assert seed.right != seed.wrong
    assert all((ROOT / path).exists() for path in seed.tests)
