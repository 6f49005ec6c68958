"""Every kind of fault as something that may happen to a run, with any aim."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from tuturuuu_jobs.testing.emulator import FaultKind
from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, TOKEN_ERRORS, WRITE_ERRORS

Trouble = tuple[FaultKind, dict[str, Any]]
"""A kind of fault and the rest of its rule; MUTATE finds its action elsewhere."""

SLOW_S: Final = 0.3
"""How long Google hesitates where it does, in seconds."""

LIES: Final = frozenset({FaultKind.MISSING_ITEM, FaultKind.EMPTY_LISTING})
"""Kinds after which only a full listing can tell what is true."""

_HEAD: Final = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
_ONCE: Final = st.fixed_dictionaries({"nth": st.integers(1, 5)})
_OFTEN: Final = st.fixed_dictionaries({"times": st.integers(1, 4)})
_AIM: Final = st.fixed_dictionaries(
    {},
    optional={
        "page": st.integers(1, 3),
        "incremental": st.booleans(),
    },
)


def _aimed(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some matching requests in a row, or one of them."""
    parts = st.tuples(st.one_of(_ONCE, _OFTEN), _AIM, st.fixed_dictionaries(more))
    return parts.map(lambda each: {**each[0], **each[1], **each[2]})


def _slow() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"nth": st.integers(1, 4), "seconds": st.just(SLOW_S)})


RULES: Final[dict[FaultKind, st.SearchStrategy[dict[str, Any]]]] = {
    FaultKind.ERROR: _aimed(
        error=st.sampled_from(sorted({*API_ERRORS, *WRITE_ERRORS, *TOKEN_ERRORS})),
        retry_after=st.sampled_from([None, "30"]),
    ),
    FaultKind.LATENCY: _slow(),
    FaultKind.STALL: _slow(),
    FaultKind.RAW: _aimed(
        raw=st.sampled_from([b"no HTTP at all\r\n\r\n", _HEAD + b"{}", _HEAD + b"[]"])
    ),
    FaultKind.PAGE_CLAMP: st.fixed_dictionaries({"size": st.integers(1, 5)}),
    FaultKind.MUTATE: _ONCE,
    FaultKind.ROLE_CHANGE: _aimed(
        role=st.sampled_from(["none", "freeBusyReader", "reader", "writer"])
    ),
    FaultKind.QUOTA: st.fixed_dictionaries(
        {
            "size": st.integers(1, 5),
            "shared": st.booleans(),
            "retry_after": st.sampled_from([None, "61"]),
        }
    ),
    **{
        kind: _aimed()
        for kind in (
            FaultKind.CLOSE,
            FaultKind.RESET,
            FaultKind.HALF_BODY,
            FaultKind.CHUNK_CUT,
            FaultKind.JSON_CUT,
            FaultKind.GZIP_CUT,
            FaultKind.ACCESS_TOKEN_EXPIRED,
            FaultKind.SYNC_TOKENS_INVALID,
            FaultKind.PAGE_TOKENS_EXPIRED,
            FaultKind.EMPTY_PAGE,
            FaultKind.EMPTY_LAST_PAGE,
            FaultKind.NO_SYNC_TOKEN,
            FaultKind.REPEATED_PAGE_TOKEN,
            FaultKind.DUPLICATE,
            FaultKind.STALE,
            FaultKind.MISSING_ITEM,
            FaultKind.EMPTY_LISTING,
        )
    },
    FaultKind.REFRESH_ROTATES: _OFTEN,
}
"""What a rule of each kind may look like."""

TROUBLES: Final[st.SearchStrategy[list[Trouble]]] = st.lists(
    st.sampled_from(sorted(RULES)).flatmap(lambda kind: st.tuples(st.just(kind), RULES[kind])),
    min_size=1,
    max_size=3,
)
