"""One strike at a command and what must be true behind it; and which strikes there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.fixtures.postgres import Databases
from tests.killing.points import Kind, Point, Side, Strike, Way, points_of
from tests.killing.subjects import SUBJECTS
from tests.killing.ward import Ward
from tests.killing.watching import Passed

KILLED: Final = -9


def count(databases: Databases, folder: Path, name: str) -> list[Point]:
    """Every point at which this command can be struck, found by a run that is not."""
    subject = SUBJECTS[name]
    with subject.open(databases, folder) as ward:
        passed = ward.run()
        assert passed.ended.returncode == 0, passed.ended
    return [point for point in points_of(passed.seen) if point.kind in subject.kinds]


def strike(databases: Databases, folder: Path, name: str, at: Strike) -> None:
    """End the command there; its next undisturbed run makes all true."""
    with SUBJECTS[name].open(databases, folder) as ward:
        passed = ward.run(at)
        check_struck(ward, passed, at)
        ward.check_heals()


def check_struck(ward: Ward, passed: Passed, at: Strike) -> None:
    """The strike was made, and the command said nothing, or all that it had to say."""
    ended = passed.ended
    if at.way is Way.KILL:
        assert ended.returncode == KILLED, ended
    else:
        assert passed.struck
        assert ended.returncode in ward.cut_codes, ended
    if "--json" in ward.words and ended.stdout:
        json.loads(ended.stdout)


def sample(points: list[Point], way: Way) -> Iterator[Strike]:
    """Two strikes that stay the same: behind a COMMIT if there is one, and before something."""
    commits = [point for point in points if point.kind is Kind.COMMIT]
    behind = commits[0] if commits else points[len(points) // 2]
    yield Strike(behind, Side.AFTER, way)
    place = len(points) // 3 if way is Way.KILL else 2 * len(points) // 3
    yield Strike(points[place], Side.BEFORE, way)
