"""Faults as values: what goes wrong, and for which requests.

A rule first selects requests (endpoint, method, path, account, calendar, page), counts them, and
strikes at the n-th, at every n-th, or by chance from a fixed seed, a limited number of times.
"""

from __future__ import annotations

import dataclasses
import enum
import fnmatch
import random
from collections.abc import Callable
from typing import Any, Final

from tuturuuu_jobs.testing.emulator.api_errors import (
    API_ERRORS,
    TOKEN_ERRORS,
    WRITE_ERRORS,
    ErrorSpec,
)


class FaultKind(enum.StrEnum):
    """Everything that the emulator can do wrong on purpose."""

    ERROR = "error"
    LATENCY = "latency"
    STALL = "stall"
    CLOSE = "close"
    RESET = "reset"
    HALF_BODY = "half-body"
    CHUNK_CUT = "chunk-cut"
    JSON_CUT = "json-cut"
    GZIP_CUT = "gzip-cut"
    RAW = "raw"
    ACCESS_TOKEN_EXPIRED = "access-token-expired"
    REFRESH_ROTATES = "refresh-rotates"
    SYNC_TOKENS_INVALID = "sync-tokens-invalid"
    PAGE_TOKENS_EXPIRED = "page-tokens-expired"
    PAGE_CLAMP = "page-clamp"
    EMPTY_PAGE = "empty-page"
    EMPTY_LAST_PAGE = "empty-last-page"
    NO_SYNC_TOKEN = "no-sync-token"
    REPEATED_PAGE_TOKEN = "repeated-page-token"
    MUTATE = "mutate"
    DUPLICATE = "duplicate"
    STALE = "stale"
    MISSING_ITEM = "missing-item"
    EMPTY_LISTING = "empty-listing"
    ROLE_CHANGE = "role-change"
    QUOTA = "quota"


LISTING_KINDS: Final = frozenset(
    {
        FaultKind.SYNC_TOKENS_INVALID,
        FaultKind.PAGE_TOKENS_EXPIRED,
        FaultKind.PAGE_CLAMP,
        FaultKind.EMPTY_PAGE,
        FaultKind.EMPTY_LAST_PAGE,
        FaultKind.NO_SYNC_TOKEN,
        FaultKind.REPEATED_PAGE_TOKEN,
        FaultKind.DUPLICATE,
        FaultKind.STALE,
        FaultKind.MISSING_ITEM,
        FaultKind.EMPTY_LISTING,
        FaultKind.ROLE_CHANGE,
    }
)
"""Kinds that only mean something for ``events.list``."""

WIRE_KINDS: Final = frozenset(
    {
        FaultKind.STALL,
        FaultKind.CLOSE,
        FaultKind.RESET,
        FaultKind.HALF_BODY,
        FaultKind.CHUNK_CUT,
        FaultKind.JSON_CUT,
        FaultKind.GZIP_CUT,
        FaultKind.RAW,
    }
)
"""Kinds that spoil the bytes of an answer."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule. Only `kind` is needed; what is left out matches everything.

    Without `endpoint`, a rule meets the Calendar API; errors of the token endpoint and rotation
    meet the token endpoint. Listing kinds meet ``events.list`` only. Of a batch, each part is met
    by itself, as if it had come alone; only rules that spoil bytes meet the batch as a whole.

    Attributes:
        kind: What happens.
        error: For ERROR, a name in API_ERRORS, WRITE_ERRORS or TOKEN_ERRORS, or one's own spec.
        retry_after: For ERROR and QUOTA, the text of the Retry-After header.
        seconds: For LATENCY and STALL, how long; for QUOTA the window, 0 being a minute.
        raw: For RAW, every byte of the answer; the connection closes after it.
        size: For PAGE_CLAMP the page size, for QUOTA the requests of an account in a window.
        shared: For QUOTA, all accounts together have that many, as those of a project have.
        event_id: For STALE and MISSING_ITEM the event; without it the first of the listing.
        role: For ROLE_CHANGE, the new role of the account that asks.
        action: For MUTATE, called before the request is answered.
        control: For MUTATE, a control command and its arguments instead of `action`.
        endpoint: A name such as ``events.list``, ``calendars.get``, ``token``.
        method: The HTTP method.
        path: A pattern with ``*`` against the decoded path.
        user: The account's address.
        calendar: The calendar's id.
        page: The page of a listing, from 1.
        incremental: Whether the listing carries a sync token.
        nth: Strike only at this matching request, from 1.
        every: Strike at every so many matching requests.
        probability: Strike by chance, 0 to 1, from the emulator's seed.
        times: Strike at most so often.
    """

    kind: FaultKind
    error: str | ErrorSpec | None = None
    retry_after: str | None = None
    seconds: float = 0.0
    raw: bytes = b""
    size: int = 7
    shared: bool = False
    event_id: str | None = None
    role: str = "freeBusyReader"
    action: Callable[[], object] | None = None
    control: tuple[str, dict[str, Any]] | None = None
    endpoint: str | None = None
    method: str | None = None
    path: str | None = None
    user: str | None = None
    calendar: str | None = None
    page: int | None = None
    incremental: bool | None = None
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that could never do anything."""
        if self.kind is FaultKind.ERROR:
            self.spec()
        if self.kind is FaultKind.RAW and not self.raw:
            raise ValueError("a raw fault needs the bytes of the answer")
        if self.kind is FaultKind.MUTATE and self.action is None and self.control is None:
            raise ValueError("a mutate fault needs an action or a control command")
        if self.every is not None and self.every < 1:
            raise ValueError("every counts from 1")

    def spec(self) -> ErrorSpec:
        """The refusal of an ERROR; ValueError if there is none of that name."""
        if isinstance(self.error, ErrorSpec):
            return self.error
        name = self.error or ""
        spec = API_ERRORS.get(name) or WRITE_ERRORS.get(name) or TOKEN_ERRORS.get(name)
        if spec is None:
            raise ValueError(f"unknown error {self.error!r}: use a name such as '503 backendError'")
        return spec

    @property
    def default_endpoint(self) -> str | None:
        """Where the rule belongs if it names no endpoint; None is the whole Calendar API."""
        if self.kind in LISTING_KINDS:
            return "events.list"
        if self.kind is FaultKind.REFRESH_ROTATES:
            return "token"
        if self.kind is FaultKind.ERROR and self.error in TOKEN_ERRORS:
            return "token"
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What a rule can look at in a request."""

    endpoint: str
    method: str
    path: str
    user: str | None
    calendar: str | None
    page: int
    incremental: bool
    in_batch: bool = False


def matches(fault: Fault, target: Target) -> bool:
    """Whether the rule is about this request, its count aside."""
    endpoint = fault.endpoint or fault.default_endpoint
    spoils = fault.kind in WIRE_KINDS
    if spoils and target.in_batch:
        return False
    if endpoint is None:
        if target.endpoint == "token" or (target.endpoint == "batch" and not spoils):
            return False
    elif endpoint != target.endpoint:
        return False
    return all(
        wanted is None or wanted == given
        for wanted, given in (
            (fault.method, target.method),
            (fault.user, target.user),
            (fault.calendar, target.calendar),
            (fault.page, target.page),
            (fault.incremental, target.incremental),
        )
    ) and (fault.path is None or fnmatch.fnmatchcase(target.path, fault.path))


@dataclasses.dataclass(slots=True)
class _Armed:
    fault: Fault
    rng: random.Random
    seen: int = 0
    struck: int = 0

    def strikes(self, target: Target) -> bool:
        fault = self.fault
        if not matches(fault, target):
            return False
        self.seen += 1
        if fault.times is not None and self.struck >= fault.times:
            return False
        if fault.nth is not None and self.seen != fault.nth:
            return False
        if fault.every is not None and self.seen % fault.every:
            return False
        if fault.probability is not None and self.rng.random() >= fault.probability:
            return False
        self.struck += 1
        return True


class Injector:
    """The armed rules. Not thread-safe: the emulator's lock guards it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._armed: list[_Armed] = []
        self._count = 0

    def add(self, fault: Fault) -> None:
        """Arm a rule; its chance is fixed by the seed and its position."""
        self._count += 1
        self._armed.append(_Armed(fault, random.Random(f"{self._seed} {self._count}")))

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def struck(self) -> int:
        """How many strikes there have been since the last clear."""
        return sum(armed.struck for armed in self._armed)

    def decide(self, target: Target) -> tuple[Fault, ...]:
        """The rules that strike at this request, in the order in which they were armed."""
        return tuple(armed.fault for armed in self._armed if armed.strikes(target))
