"""What snapshots are drawn from."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Ho_Chi_Minh",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
    "Pacific/Chatham",
)
"""Half hours, quarters, a shift of half an hour, no midnight, a date that never was."""

CHANGES = (
    date(2011, 12, 30),
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2026, 4, 24),
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2026, 10, 29),
    date(2026, 11, 1),
)
"""Dates on which some of these zones change their clocks."""

zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.sampled_from(CHANGES) | st.dates(date(2010, 1, 1), date(2035, 12, 31))
