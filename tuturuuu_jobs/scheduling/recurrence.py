"""On which dates a habit is due.

Invariant: dates only, no zone and no time of day, so no change of clocks can move an occurrence.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from tuturuuu_jobs.scheduling.model import Frequency, MonthlyKind, Rule

_WEEK = timedelta(days=7)
_LAST = 5


def is_due(rule: Rule, start: date, end: date | None, day: date) -> bool:
    """Whether a habit that runs from ``start`` to ``end`` (inclusive) occurs on ``day``.

    Weeks are counted from Sunday whatever the user's first day of the week is, like everywhere in
    the product. A month without the wanted day has it on its last one; a year without February 29
    has none. An interval that is missing or below 1 means every one.
    """
    if day < start or (end is not None and day > end):
        return False
    every = max(1, rule.interval or 1)
    match rule.frequency:
        case Frequency.DAILY | Frequency.CUSTOM:
            return (day - start).days % every == 0
        case Frequency.WEEKLY:
            return _is_weekly(rule, start, day, every)
        case Frequency.MONTHLY:
            return _months(start, day) % every == 0 and _is_day_of_month(rule, start, day)
        case Frequency.YEARLY:
            same = (day.month, day.day) == (start.month, start.day)
            return same and (day.year - start.year) % every == 0


def _is_weekly(rule: Rule, start: date, day: date, every: int) -> bool:
    wanted = rule.days_of_week or (_weekday(start),)
    return _weekday(day) in wanted and (_sunday(day) - _sunday(start)) // 7 % every == 0


def _is_day_of_month(rule: Rule, start: date, day: date) -> bool:
    if rule.monthly_kind is MonthlyKind.DAY_OF_WEEK:
        named = rule.day_of_week_monthly
        wanted = _weekday(start) if named is None else named
        return _weekday(day) == wanted and _is_week_of_month(rule.week_of_month or 1, day)
    named = rule.day_of_month if rule.monthly_kind is MonthlyKind.DAY_OF_MONTH else None
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day == min(named or start.day, last)


def _is_week_of_month(week: int, day: date) -> bool:
    if week == _LAST:
        return (day + _WEEK).month != day.month
    return (day.day + 6) // 7 == week


def _months(start: date, day: date) -> int:
    return (day.year - start.year) * 12 + day.month - start.month


def _weekday(day: date) -> int:
    """0 is Sunday, as in the table."""
    return day.isoweekday() % 7


def _sunday(day: date) -> int:
    """The ordinal of the Sunday that begins the week of ``day``."""
    return day.toordinal() - _weekday(day)
