"""The week view: days as columns, hours as rows, each block in its place. All pure.

Invariant: what a block means is told by its character; colour only repeats it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.scheduling.daytime import midnights
from tuturuuu_jobs.scheduling.model import instant_of

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

DAY: Final = 1440
WEEK: Final = 7
_GUTTER: Final = 6
_NARROWEST: Final = 8
_WIDEST: Final = 22
_FURNITURE: Final = 4


@unique
class Mark(StrEnum):
    """What a block is, in the character that stands for it."""

    BUSY = "#"
    STAYS = "="
    MOVED = ">"
    NEW = "+"
    GONE = "x"


STYLES: Final = {
    Mark.BUSY: "dim",
    Mark.STAYS: "",
    Mark.MOVED: "yellow",
    Mark.NEW: "green",
    Mark.GONE: "red",
}
LEGEND: Final = "# busy   = stays   > moved   + new   x removed"
_CHANGES: Final = frozenset({Mark.MOVED, Mark.NEW, Mark.GONE})


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """Something that takes or took time; epoch minutes, half-open."""

    start: int
    end: int
    mark: Mark
    label: str


@dataclasses.dataclass(frozen=True, slots=True)
class Paper:
    """The room there is to draw on, in characters."""

    width: int = 80
    height: int = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """A block's part of one day, in minutes of the local day."""

    top: int
    bottom: int
    block: Block
    begins: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Day:
    """A date with its parts of blocks, by start."""

    date: date
    segments: tuple[Segment, ...]

    @property
    def own(self) -> tuple[Segment, ...]:
        """Without what is merely in the way."""
        return tuple(s for s in self.segments if s.block.mark is not Mark.BUSY)

    @property
    def changes(self) -> bool:
        """Whether anything of this day is written."""
        return any(segment.block.mark in _CHANGES for segment in self.segments)


Days = tuple[Day, ...]
"""What one table draws."""


def split_days(blocks: Sequence[Block], first: date, count: int, zone: ZoneInfo) -> tuple[Day, ...]:
    """Each date with what falls on it; a block over midnight is on both.

    Args:
        blocks: In no order.
        first: The first date.
        count: How many dates.
        zone: Whose wall clock the view shows.
    """
    edges = midnights(zone, first, count + 1)
    return tuple(
        Day(first + timedelta(days=number), _segments(blocks, begin, end, zone))
        for number, (begin, end) in enumerate(itertools.pairwise(edges))
    )


def _segments(blocks: Sequence[Block], begin: int, end: int, zone: ZoneInfo) -> tuple[Segment, ...]:
    found: list[Segment] = []
    for block in blocks:
        start, stop = max(block.start, begin), min(block.end, end)
        if start < stop:
            top = 0 if start == begin else _wall(start, zone)
            bottom = DAY if stop == end else _wall(stop, zone)
            if bottom <= top:
                # The hour that the clock shows twice.
                bottom = min(DAY, top + stop - start)
            found.append(Segment(top, bottom, block, begins=start == block.start))
    return tuple(sorted(found, key=lambda s: (s.top, s.bottom, s.block.mark)))


def _wall(minute: int, zone: ZoneInfo) -> int:
    local = instant_of(minute).astimezone(zone)
    return local.hour * 60 + local.minute


def days_per_table(width: int) -> int:
    """How many days fit side by side; at least one."""
    return max(1, min(WEEK, (width - _GUTTER) // (_NARROWEST + 1)))


def choose_tables(
    days: Sequence[Day], width: int, *, everything: bool
) -> tuple[list[tuple[Day, ...]], int]:
    """The tables worth drawing, and how many were left out though they hold something.

    A table is worth it if something in it changes, or nothing changes at all and it is the first
    that holds anything.

    Args:
        days: All days of the window.
        width: Of the paper.
        everything: Draw every table that holds anything.
    """
    tables = list(_batches(days, days_per_table(width)))
    filled = [table for table in tables if any(day.own for day in table)]
    changed = [table for table in filled if any(day.changes for day in table)]
    chosen = filled if everything else changed or filled[:1]
    return chosen, len(filled) - len(chosen)


def _batches(days: Sequence[Day], size: int) -> Iterator[tuple[Day, ...]]:
    for first in range(0, len(days), size):
        yield tuple(days[first : first + size])


def alike(tables: Sequence[Days]) -> list[tuple[Days, list[Days]]]:
    """The tables, each with those right after it that would be drawn the same but for the dates."""
    groups: list[tuple[Days, list[Days]]] = []
    for table in tables:
        if groups and _picture(groups[-1][0]) == _picture(table):
            groups[-1][1].append(table)
        else:
            groups.append((table, []))
    return groups


def _picture(table: Days) -> list[list[tuple[object, ...]]]:
    return [
        [(s.top, s.bottom, s.begins, s.block.mark, s.block.label) for s in day.segments]
        for day in table
    ]


def draw(days: Sequence[Day], paper: Paper) -> Table:
    """One table: the hours that the own blocks of these days need, and one around them."""
    from rich.table import Table
    from rich.text import Text

    cell = _cell_width(paper.width)
    low, high = _hours(days)
    step = 30 if (high - low) // 30 + _FURNITURE <= paper.height else 60
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("", width=_GUTTER - 1, no_wrap=True)
    for day in days:
        table.add_column(Text(_day_name(day.date)), width=cell, no_wrap=True, header_style="bold")
    for top in range(low, high, step):
        row = [_cell(day, top, top + step, cell) for day in days]
        table.add_row(Text(_hour_name(top), style="dim"), *row)
    return table


def _cell_width(width: int) -> int:
    return min(_WIDEST, max(1, (width - _GUTTER) // days_per_table(width) - 1))


def _hours(days: Sequence[Day]) -> tuple[int, int]:
    segments = [segment for day in days for segment in day.own]
    low = min((segment.top for segment in segments), default=8 * 60)
    high = max((segment.bottom for segment in segments), default=18 * 60)
    return max(0, low // 60 - 1) * 60, min(24, -(-high // 60) + 1) * 60


def _day_name(day: date) -> str:
    return f"{day:%a} {day.day}"


def _hour_name(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _cell(day: Day, top: int, bottom: int, width: int) -> Text:
    """What one day holds between two minutes, side by side where that is several things."""
    from rich.text import Text

    inside = [s for s in day.segments if s.top < bottom and s.bottom > top]
    # What is removed gives way to what is there.
    parts = _merged([s for s in inside if s.block.mark is not Mark.GONE]) or inside
    text = Text(end="")
    for part, room in zip(parts, _shares(parts, width), strict=False):
        text.append_text(_part(part, room, first=part.begins and part.top >= top))
    return text


def _merged(segments: Sequence[Segment]) -> list[Segment]:
    """Without what is in the way a second time in a row."""
    kept: list[Segment] = []
    for segment in segments:
        again = kept and kept[-1].block.mark is segment.block.mark is Mark.BUSY
        if not again:
            kept.append(segment)
    return kept


def _shares(parts: Sequence[Segment], width: int) -> list[int]:
    """How many characters each part gets: one for what is in the way beside others."""
    narrow = [part.block.mark is Mark.BUSY and len(parts) > 1 for part in parts]
    wide = narrow.count(False)
    room = width - narrow.count(True)
    shares: list[int] = []
    for is_narrow in narrow:
        share = 1 if is_narrow else max(0, -(-room // max(1, wide)))
        if not is_narrow:
            room, wide = room - share, wide - 1
        shares.append(share)
    return shares


def _part(part: Segment, room: int, *, first: bool) -> Text:
    from rich.text import Text

    mark = part.block.mark
    if mark is Mark.BUSY:
        label = f" {part.block.label} " if first and room > 1 and part.block.label else ""
        words = f"{mark.value}{label}".ljust(room, mark.value)
    else:
        words = f"{mark.value}{part.block.label}" if first else mark.value
    text = Text(words, style=STYLES[mark], end="")
    text.truncate(room, overflow="crop", pad=True)
    return text
