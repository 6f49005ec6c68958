"""Exported calendars: what an ``.ics`` file says, as events of the emulator.

It needs the library icalendar (extra ``demo``) and knows nothing of HTTP.
"""

from tuturuuu_jobs.testing.emulator.ics.loading import Loaded, load_calendar
from tuturuuu_jobs.testing.emulator.ics.reading import IcsCalendar, NotACalendarError, read_calendar
from tuturuuu_jobs.testing.emulator.ics.unread import Unread

__all__ = [
    "IcsCalendar",
    "Loaded",
    "NotACalendarError",
    "Unread",
    "load_calendar",
    "read_calendar",
]
