"""What a command does that can be seen from outside, and where it can be ended."""

from __future__ import annotations

import dataclasses
from enum import StrEnum


class Kind(StrEnum):
    """What a point is about."""

    STATEMENT = "statement"
    COMMIT = "commit"
    REQUEST = "request"
    FILE = "file"


class Side(StrEnum):
    """Before the effect of a point, or behind it when nobody has heard of it yet."""

    BEFORE = "before"
    AFTER = "after"


class Way(StrEnum):
    """How the command is ended, or only what it speaks through."""

    KILL = "SIGKILL"
    CUT = "cut connection"


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A point that was passed, with the first words of it."""

    kind: Kind
    words: str


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """The n-th of its kind in one process, from 1."""

    kind: Kind
    number: int


@dataclasses.dataclass(frozen=True, slots=True)
class Strike:
    """What is to be done, and where."""

    point: Point
    side: Side
    way: Way


def points_of(seen: list[Seen]) -> list[Point]:
    """A number within its kind for each, in the order in which they were passed.

    Statements and requests are made by two threads, so that only the order within a kind is the
    same each time.
    """
    passed = dict.fromkeys(Kind, 0)
    points: list[Point] = []
    for one in seen:
        passed[one.kind] += 1
        points.append(Point(one.kind, passed[one.kind]))
    return points
