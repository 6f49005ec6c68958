"""What an examination finds: values that say what is, why it matters and what to do.

Looking and judging are apart: a subject's module has functions that ``look_``/``load_`` (and touch
the world) and functions that ``judge_`` (and are pure). A look that fails is itself a finding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path
from typing import Any

from tuturuuu_jobs.errors import JobError


class Severity(IntEnum):
    """How much a finding matters; greater is worse."""

    OK = 0
    NOTE = 1
    WARNING = 2
    SERIOUS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        severity: ``serious`` means that some or all work does not get done.
        code: Stable, lower-case; ``docs/operations.md`` says more about each.
        what: What is, in one line, without any secret or value of a setting.
        why: Why it matters; empty if all is well.
        action: What to do; empty if nothing is.
        subject: What it is about, for example a setting's name or a queue.
    """

    severity: Severity
    code: str
    what: str
    why: str = ""
    action: str = ""
    subject: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The finding with JSON types only; the severity by its name."""
        return dataclasses.asdict(self) | {"severity": self.severity.name.lower()}


def ok(code: str, what: str, *, subject: str | None = None) -> Finding:
    """All is well with it."""
    return Finding(Severity.OK, code, what, subject=subject)


def note(code: str, what: str, *, why: str, action: str, subject: str | None = None) -> Finding:
    """Worth knowing; nothing is wrong."""
    return Finding(Severity.NOTE, code, what, why, action, subject)


def warning(code: str, what: str, *, why: str, action: str, subject: str | None = None) -> Finding:
    """Work gets done, but something will hurt or somebody is left out."""
    return Finding(Severity.WARNING, code, what, why, action, subject)


def serious(code: str, what: str, *, why: str, action: str, subject: str | None = None) -> Finding:
    """Work does not get done, or not safely."""
    return Finding(Severity.SERIOUS, code, what, why, action, subject)


def of_error(error: JobError, *, why: str) -> Finding:
    """A known error that ended a look, under its own code; always serious."""
    return Finding(
        Severity.SERIOUS,
        error.code,
        error.message,
        why,
        error.hint or "look with: tuturuuu-jobs doctor",
        error.subject,
    )


def examine(subject: str, look: Callable[[], Iterable[Finding]], *, why: str) -> list[Finding]:
    """What a look finds; one that fails becomes a finding, so that the others still happen.

    The text of a foreign exception may hold anything and stays inside.

    Args:
        subject: What is looked at.
        look: Looks and judges.
        why: Why it matters that this cannot be looked at.
    """
    found: list[Finding] = []
    try:
        found.extend(look())
    except JobError as error:
        found.append(of_error(error, why=why))
    except Exception as error:  # noqa: BLE001 - a check that fails is a finding, never a crash.
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
        found.append(
            serious(
                "check_failed",
                f"{subject} could not be looked at: {type(error).__name__} at {where}",
                why=why,
                action="this is a bug of tuturuuu-jobs; report the place it names",
                subject=subject,
            )
        )
    return found


def worst(findings: Iterable[Finding]) -> Severity:
    """The greatest severity; ``ok`` if there is none."""
    return max((finding.severity for finding in findings), default=Severity.OK)


def listed(names: Iterable[object], most: int = 5) -> str:
    """The first names of a list, and how many follow."""
    every = [str(name) for name in names]
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")
