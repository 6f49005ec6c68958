"""Moments and ages as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from tuturuuu_jobs.commands.moments import parse_moment, render_age, resolve_moment
from tuturuuu_jobs.runtime.counters import counters_of

NOW = datetime(2026, 3, 2, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("2026-03-02T03:15:00Z", NOW),
        ("2026-03-02T05:15:00+02:00", NOW),
    ],
)
def test_a_moment_is_an_instant_or_so_long_ago(text: str, meant: datetime) -> None:
    assert resolve_moment(parse_moment(text), NOW) == meant


def test_no_moment_stays_none() -> None:
    assert resolve_moment(None, NOW) is None


@pytest.mark.parametrize("text", ["", "2 hours", "2026-03-02", "2026-03-02T03:15:00", "now"])
def test_what_could_mean_two_instants_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_moment(text)


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-1, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (90_000, "1d")],
)
def test_an_age_has_one_unit(seconds: float, age: str) -> None:
    assert render_age(seconds) == age


def test_counters_are_the_totals_or_the_whole_numbers() -> None:
    assert counters_of({"totals": {"inserted": 3, "rejected": []}, "pages": 2}) == {"inserted": 3}
    assert counters_of({"total": 5, "results": [], "complete": True, "rate": 0.5}) == {"total": 5}
    assert counters_of({}) == {}
