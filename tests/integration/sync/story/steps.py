"""What may happen, as strategies of steps: a verb of the hands or the world, and its arguments."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from tests.integration.sync.executioner import Message, Moment, Request, Sql
from tests.integration.sync.story.hands import ONE_OFFS, SERIES
from tests.integration.sync.story.runs import WORDS
from tests.integration.sync.story.world import ADA, BOB, CALENDARS, Nature, Step
from tuturuuu_jobs.testing.tuturuuu import Shape

_CALENDARS: Final = st.integers(0, len(CALENDARS) - 1)
_ONE_OFFS: Final = st.sampled_from(ONE_OFFS)
_SERIES: Final = st.sampled_from([*SERIES])
_NAMES: Final = st.sampled_from([*SERIES, *ONE_OFFS])
_INDEXES: Final = st.integers(0, 5)
_DAYS: Final = st.one_of(st.integers(0, 60), st.integers(-95, -85), st.integers(170, 200))


def _step(verb: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(verb), *arguments)


def some(steps: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    """A few of them in a row."""
    return st.lists(steps, min_size=1, max_size=4)


def _following(*verb_and_more: Any) -> st.SearchStrategy[Step]:
    more = [one if isinstance(one, st.SearchStrategy) else st.just(one) for one in verb_and_more]
    return _step("following", _SERIES, *more)


ONE_OFF_CHANGES: Final[st.SearchStrategy[Step]] = st.one_of(
    _step("put", _ONE_OFFS, _CALENDARS, _DAYS, st.sampled_from([0, 1, 30])),
    _step("put_days", _ONE_OFFS, _CALENDARS, _DAYS, st.sampled_from([1, 3])),
    _step("undelete", _ONE_OFFS, _CALENDARS),
)
EVENT_CHANGES: Final[st.SearchStrategy[Step]] = st.one_of(
    _step("rename", _NAMES),
    _step("delete", _NAMES),
    _step("discard", _NAMES),
    _step("transfer", _NAMES, _CALENDARS),
)
SERIES_CHANGES: Final[st.SearchStrategy[Step]] = st.one_of(
    _step("repeat", _SERIES, _CALENDARS, st.integers(1, 6)),
    _step("repeat", _SERIES, _CALENDARS, st.integers(1, 6)),
    _step("retime", _SERIES, st.integers(0, 2)),
    _step("split", _SERIES, st.integers(1, 5)),
    _following("rename"),
    _following("delete"),
    _following("transfer", _CALENDARS),
)
OCCURRENCE_CHANGES: Final[st.SearchStrategy[Step]] = st.one_of(
    _step("cancel", _SERIES, _INDEXES),
    _step("move", _SERIES, _INDEXES, st.sampled_from([-9, 0, 1, 300])),
)
CHANGES: Final = st.one_of(ONE_OFF_CHANGES, EVENT_CHANGES, SERIES_CHANGES, OCCURRENCE_CHANGES)

DISTURBANCES: Final[st.SearchStrategy[Step]] = st.one_of(
    _step("advance", st.sampled_from([1, 8, 45])),
    _step("invalidate", _CALENDARS),
    _step("expire", st.sampled_from([ADA, BOB])),
    _step("revoke", st.sampled_from([ADA, BOB])),
    _step("clamp", st.sampled_from([1, 3, 10, None])),
    _step("demote", _CALENDARS, st.sampled_from(["none", "freeBusyReader", "reader"])),
    _step("disable", _CALENDARS),
)

MOMENTS: Final[st.SearchStrategy[Moment]] = st.one_of(
    st.builds(Message, st.integers(1, 90), st.booleans()),
    st.builds(Request, st.integers(1, 8)),
    st.builds(Sql, st.sampled_from(WORDS), st.integers(0, 2), st.booleans()),
)

NATURES: Final = st.builds(
    Nature,
    shape=st.sampled_from(list(Shape)),
    forgetful=st.booleans(),
    window_memory=st.booleans(),
    live_pages=st.booleans(),
    report_unseen=st.booleans(),
    tombstone_days=st.sampled_from([None, 5]),
)
