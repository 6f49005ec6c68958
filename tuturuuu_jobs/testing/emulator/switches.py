"""The choices that Google leaves open or makes differently from day to day."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

from tuturuuu_jobs.testing.emulator.model import Horizon
from tuturuuu_jobs.testing.emulator.moments import seconds


@dataclasses.dataclass(slots=True)
class Switches:
    """Where Google's behaviour is open or varies; a right client passes under all of them.

    Attributes:
        window_memory: A delta is filtered by the window of the first listing.
        horizon: How far open-ended series are expanded from today.
        max_instances: At most so many instances of each series.
        tombstone_months: How far around now a delta reports the vanished instances of a series.
        page_clamp: No page is longer than this.
        live_pages: Later pages read live data instead of a snapshot.
        strict: Parameters that differ from those of the sync token's listing are answered with 400
            and kept in ``Emulator.violations``. Otherwise they are ignored.
        report_unseen: Something created and deleted since the token leaves a tombstone.
        master_stub: A deleted master is itself reported beside its instances.
        tombstone_lifetime: Tombstones older than this vanish, and with them the sync tokens from
            before the deletion (410). Without it they stay for ever.
        import_replaces: An import with a known iCalUID replaces the event. Otherwise it is refused
            with 409.
        page_token_lifetime: After that, a page token is refused.
        gzip: Answers are compressed for clients that accept it.
    """

    window_memory: bool = False
    horizon: timedelta = timedelta(days=730)
    max_instances: int | None = None
    tombstone_months: int = 6
    page_clamp: int | None = None
    live_pages: bool = False
    strict: bool = False
    report_unseen: bool = True
    master_stub: bool = False
    tombstone_lifetime: timedelta | None = None
    import_replaces: bool = False
    page_token_lifetime: timedelta = timedelta(hours=1)
    gzip: bool = True

    def horizon_at(self, now: datetime) -> Horizon:
        """The horizon of that day: fixed for a day, so that expansions can be kept."""
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Horizon(today + self.horizon + timedelta(days=1), self.max_instances)

    def stub_span_at(self, now: datetime) -> tuple[float, float]:
        """The span in which vanished instances are reported, in seconds since 1970."""
        reach = timedelta(days=self.tombstone_months * 365.25 / 12).total_seconds()
        return seconds(now) - reach, seconds(now) + reach
