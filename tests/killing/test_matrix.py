"""Every command that writes, ended at every point: its next undisturbed run makes all true."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.fixtures.postgres import Databases
from tests.killing.matrix import count, sample, strike
from tests.killing.points import Way
from tests.killing.results import Cell, cells
from tests.killing.subjects import SUBJECTS

QUICK = [name for name, subject in SUBJECTS.items() if subject.quick]


@pytest.mark.parametrize("name", QUICK)
def test_a_command_ended_at_a_few_points_heals(
    databases: Databases, tmp_path: Path, name: str
) -> None:
    points = count(databases, tmp_path / "counted", name)
    chosen = [at for way in Way for at in sample(points, way)]
    for number, at in enumerate(chosen):
        strike(databases, tmp_path / f"{number}", name, at)


@pytest.mark.soak
@pytest.mark.parametrize("cell", list(cells()), ids=str)
def test_a_command_ended_at_every_point_heals(
    databases: Databases, tmp_path: Path, cell: Cell
) -> None:
    cell.forget()
    points = count(databases, tmp_path / "counted", cell.name)
    failed: list[str] = []
    for number, at in zip(itertools.count(), cell.of(points)):
        try:
            strike(databases, tmp_path / f"{number}", cell.name, at)
        except AssertionError as error:
            failed.append(f"{at}: {error}")
    assert not failed, "\n".join(failed)
    cell.passed(points)
