"""What could not be read of a file, and why."""

from __future__ import annotations

import dataclasses

from icalendar.cal.component import Component
from icalendar.prop import vBroken
from typing_extensions import override


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """One thing in a file that has no place in the emulator, or only a part of it.

    Attributes:
        component: As the file calls it, for example ``VEVENT``.
        uid: Its UID, or for a zone its TZID; ``-`` without one.
        reason: What is wrong, in one line.
    """

    component: str
    uid: str
    reason: str

    @override
    def __str__(self) -> str:
        return f"{self.component} {self.uid}: {self.reason}"


class UnreadableError(ValueError):
    """A component cannot become an event; the text says why."""


def unread(component: Component, reason: str) -> Unread:
    """That this component, or a part of it, was left out."""
    uid = text(component, "UID") or text(component, "TZID") or "-"
    return Unread(component.name or "-", one_line(uid), one_line(reason))


def text(component: Component, name: str) -> str | None:
    """A property as plain text; the first where there are several."""
    found = first(component, name)
    return None if found is None else str(found)


def first(component: Component, name: str) -> object:
    """A property's value; the first where there are several."""
    found = every(component, name)
    return found[0] if found else None


def every(component: Component, name: str) -> list[object]:
    """Every value of a property that can be read, in the order of the file."""
    found: object = component.get(name)
    values: list[object] = [*found] if isinstance(found, list) else [found]
    return [value for value in values if value is not None and not isinstance(value, vBroken)]


def one_line(words: str) -> str:
    """The words on one line, shortened if there are too many."""
    line = " ".join(words.split())
    return line if len(line) <= 200 else f"{line[:199]}…"  # An ellipsis.
