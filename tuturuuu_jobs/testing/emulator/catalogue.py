"""One ready rule for every fault, so that tests and documents can go through all of them."""

from __future__ import annotations

import dataclasses
from typing import Final

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, TOKEN_ERRORS, WRITE_ERRORS
from tuturuuu_jobs.testing.emulator.faults import Fault, FaultKind


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A fault in a form that can be armed as it is; it strikes at every request it is about.

    Attributes:
        name: The kind; for refusals, the kind and the name of the refusal.
        meaning: What the client sees.
        fault: The rule; narrow it with ``dataclasses.replace``.
    """

    name: str
    meaning: str
    fault: Fault


_RAW: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n[1, 2, 3]"
)

_KINDS: Final[tuple[tuple[str, Fault], ...]] = (
    ("A wait before the headers.", Fault(kind=FaultKind.LATENCY, seconds=0.05)),
    (
        "Headers and half the body, a wait, then the rest.",
        Fault(kind=FaultKind.STALL, seconds=0.05),
    ),
    ("The connection is closed instead of an answer.", Fault(kind=FaultKind.CLOSE)),
    ("The connection is reset instead of an answer.", Fault(kind=FaultKind.RESET)),
    ("Half the body under the full Content-Length, then closed.", Fault(kind=FaultKind.HALF_BODY)),
    ("A chunked body that ends inside a chunk.", Fault(kind=FaultKind.CHUNK_CUT)),
    ("Valid HTTP whose JSON stops in the middle.", Fault(kind=FaultKind.JSON_CUT)),
    (
        "A gzip stream that stops in the middle under a right Content-Length.",
        Fault(kind=FaultKind.GZIP_CUT),
    ),
    ("The given bytes as the whole answer.", Fault(kind=FaultKind.RAW, raw=_RAW)),
    (
        "The account's access tokens end before this request: 401.",
        Fault(kind=FaultKind.ACCESS_TOKEN_EXPIRED),
    ),
    (
        "A refresh also gives a new refresh token; the old one is dead.",
        Fault(kind=FaultKind.REFRESH_ROTATES),
    ),
    (
        "The calendar's sync tokens end before this request: 410, also between pages.",
        Fault(kind=FaultKind.SYNC_TOKENS_INVALID),
    ),
    (
        "Every page token ends before this request: 400 in the middle of a listing.",
        Fault(kind=FaultKind.PAGE_TOKENS_EXPIRED),
    ),
    ("Pages are no longer than `size`.", Fault(kind=FaultKind.PAGE_CLAMP, size=7)),
    (
        "A page without items whose page token goes on at the same place.",
        Fault(kind=FaultKind.EMPTY_PAGE, nth=1),
    ),
    (
        "The last page has no items, only the sync token.",
        Fault(kind=FaultKind.EMPTY_LAST_PAGE),
    ),
    ("The last page has no sync token.", Fault(kind=FaultKind.NO_SYNC_TOKEN)),
    (
        "A later page names its own page token as the next one.",
        Fault(kind=FaultKind.REPEATED_PAGE_TOKEN),
    ),
    (
        "Something changes before this request is answered.",
        Fault(kind=FaultKind.MUTATE, control=("clock", {})),
    ),
    ("The listing's first item comes once more on this page.", Fault(kind=FaultKind.DUPLICATE)),
    (
        "An older version of an item comes once more on this page.",
        Fault(kind=FaultKind.STALE),
    ),
    (
        "An event is left out of a full listing, though get still knows it.",
        Fault(kind=FaultKind.MISSING_ITEM),
    ),
    ("A listing without items for a calendar that has some.", Fault(kind=FaultKind.EMPTY_LISTING)),
    (
        "The account's role on the calendar changes before this request.",
        Fault(kind=FaultKind.ROLE_CHANGE),
    ),
    (
        "More than `size` requests of an account within a minute, or `seconds`, are refused.",
        Fault(kind=FaultKind.QUOTA, size=600),
    ),
)


def examples() -> tuple[Example, ...]:
    """Every fault: one for each kind, and one for each refusal by name."""
    refusals = (
        Example(
            f"{where} {name}",
            f"{spec.message} ({spec.shape.value} body)",
            Fault(kind=FaultKind.ERROR, error=name),
        )
        for where, table in (
            ("error", API_ERRORS),
            ("error", WRITE_ERRORS),
            ("token error", TOKEN_ERRORS),
        )
        for name, spec in table.items()
    )
    kinds = (Example(fault.kind.value, meaning, fault) for meaning, fault in _KINDS)
    return (*refusals, *kinds)
