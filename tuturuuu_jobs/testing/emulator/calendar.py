"""One calendar: masters and exceptions, tombstones, and a counter that numbers every change.

The invariant: `entries` is in the order of `seq`, newest last, with each id once. A delta is
therefore a walk from the end, and costs what changed, not what is stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, bad_request, not_found
from tuturuuu_jobs.testing.emulator.model import (
    Horizon,
    Item,
    Json,
    Role,
    Stamp,
    Stored,
    base_id,
    complete_body,
    make_item,
    series_of,
    tombstone,
)
from tuturuuu_jobs.testing.emulator.moments import edge_instant, seconds, shown_edges, zone_named
from tuturuuu_jobs.testing.emulator.recurrence import occurrences


class Calendar:
    """The state of one calendar. Not thread-safe: the emulator's lock guards it.

    Attributes:
        generation: Sync tokens of an older one are refused.
        seq: The number of the last change.
        entries: Every stored event by id, in the order of the last change.
        forgotten: The number of the last change whose tombstone has vanished.
    """

    def __init__(self, calendar_id: str, owner: str, time_zone: str, summary: str) -> None:
        self.id = calendar_id
        self.owner = owner
        self.time_zone = time_zone
        self.zone: tzinfo = zone_named(time_zone)
        self.summary = summary
        self.roles: dict[str, Role] = {owner.lower(): Role.OWNER}
        self.generation = 0
        self.seq = 0
        self.forgotten = 0
        self.entries: dict[str, Stored] = {}
        self._by_base: dict[str, dict[str, None]] = {}
        self._listing: dict[tuple[bool, bool], tuple[int, Horizon, list[Item]]] = {}

    # Reading

    def masters(self) -> list[Json]:
        """Every stored resource, tombstones too, in the order of their last change."""
        return [dict(stored.item.body) for stored in self.entries.values()]

    def listed(self, horizon: Horizon, *, single_events: bool, deleted: bool) -> list[Item]:
        """The items of a full listing, by id, made anew only when something has changed.

        Cancelled occurrences of living series belong to a listing of masters in any case; a
        deleted series is listed as its occurrences, where single events are asked for.
        """
        known = self._listing.get((single_events, deleted))
        if known and known[0] == self.seq and known[1] == horizon:
            return known[2]
        items: list[Item] = []
        for stored in self.entries.values():
            if single_events and stored.item.cancelled and stored.ever_recurring:
                items += self._ghosts(stored, horizon) if deleted else ()
            elif not (single_events or stored.dropped) and self.living(stored.master_id or ""):
                items.append(stored.item)
            else:
                shown = self.shown(stored, horizon, single_events=single_events)
                items += [item for item in shown if deleted or not item.cancelled]
        items.sort(key=lambda item: item.id)
        self._listing[single_events, deleted] = (self.seq, horizon, items)
        return items

    def find(self, event_id: str, horizon: Horizon) -> Item | None:
        """The event or instance with that id, tombstones too."""
        stored = self.entries.get(event_id)
        if stored is not None and not stored.dropped:
            return stored.item
        found = self._instance(event_id, horizon)
        return found[1] if found else (stored.item if stored else None)

    def restorable(self, event_id: str, horizon: Horizon) -> Item | None:
        """As `find`; a cancelled occurrence comes with what the series says of it."""
        item = self.find(event_id, horizon)
        if item is None or not item.cancelled or "start" in item.body:
            return item
        found = self._instance(event_id, horizon)
        if found is None:
            return item
        return dataclasses.replace(item, body={**found[1].body, **item.body}, texts={})

    def with_uid(self, ical_uid: str) -> str | None:
        """The id of the event with that iCalUID, also of a deleted one."""
        for stored in self.entries.values():
            if stored.master_id is None and stored.item.body.get("iCalUID") == ical_uid:
                return stored.id
        return None

    def living(self, event_id: str) -> bool:
        """Whether an event with that id is stored and not deleted."""
        stored = self.entries.get(event_id)
        return stored is not None and not stored.item.cancelled

    def instances(self, master_id: str, horizon: Horizon) -> list[Item]:
        """The instances of a master with its exceptions, by id; ApiError 404 if there is none."""
        stored = self.entries.get(master_id)
        if stored is None or not stored.recurring:
            raise not_found()
        own = list(self.shown(stored, horizon, single_events=True))
        own += [entry.item for entry in self.exceptions(master_id) if not entry.dropped]
        return sorted(own, key=lambda item: item.id)

    def spans(self, event_id: str) -> frozenset[tuple[float, float]]:
        """Every span the stored event has had since it was made."""
        stored = self.entries.get(event_id)
        return stored.spans if stored else frozenset()

    def older(self, event_id: str) -> Item | None:
        """The version before the present one, if it is kept."""
        stored = self.entries.get(event_id)
        return stored.previous.item if stored and stored.previous else None

    # Writing

    def put(self, body: Json, stamp: Stamp, *, verbatim: bool = False) -> Stored:
        """Create or replace an event; ApiError 400 if its times or rule cannot be read.

        Exceptions whose instance the new rule no longer has fall with the old rule. `verbatim`
        stores the body as it is, however odd.
        """
        old = self.entries.get(str(body["id"]))
        full = body
        if not verbatim:
            try:
                old_body = old.item.body if old else None
                full = complete_body(body, old_body, stamp, self.owner, self.zone)
                if full["status"] != "cancelled":
                    edge_instant(full["start"], self.zone)
                    edge_instant(full["end"], self.zone)
                if "recurrence" in full:
                    next(occurrences(series_of(full, self.zone), stamp.moment, 1), None)
            except (KeyError, OverflowError, TypeError, ValueError) as error:
                raise bad_request("invalid", f"cannot read the event: {error}") from error
        stored = self._store(make_item(full, self.zone, stamp.moment))
        self._settle_exceptions(stored, stamp)
        return stored

    def patch(self, event_id: str, changes: Json, stamp: Stamp, horizon: Horizon) -> Stored:
        """Change fields of an event or instance; None removes a field.

        Changing an instance makes an exception. ApiError 404 if there is no such event.
        """
        item = self.find(event_id, horizon)
        if item is None:
            raise not_found()
        body = {
            name: value for name, value in {**item.body, **changes}.items() if value is not None
        }
        if changes.get("status") is None and item.cancelled:
            body["status"] = "confirmed"
        return self.put(body, stamp)

    def delete(
        self, event_id: str, stamp: Stamp, horizon: Horizon, *, details: bool = False
    ) -> Stored:
        """Leave a tombstone for an event, a series with its exceptions, or one instance.

        ApiError 404 if it never was, 410 if it is deleted already.
        """
        item = self.find(event_id, horizon)
        if item is None:
            raise not_found()
        if item.cancelled:
            raise ApiError(API_ERRORS["410 deleted"])
        stored = self._store(tombstone(item, stamp, details=details))
        for exception in list(self.exceptions(event_id)):
            self._drop(exception, stamp)
        return stored

    def adopt(self, entry: Stored, changes: Json, stamp: Stamp) -> Stored:
        """Store an exception of another series or calendar as one of this calendar."""
        body = {**entry.item.body, **changes, "etag": stamp.etag}
        if "updated" in body:
            body["updated"] = stamp.updated
        item = make_item(shown_edges(body, self.zone), self.zone, stamp.moment)
        return self._store(item, dropped=entry.dropped)

    def forget(self, before: datetime) -> None:
        """Let tombstones older than that vanish, but for occurrences of living series.

        Sync tokens from before the last of them can no longer be served.
        """
        limit = seconds(before)
        gone = [
            stored
            for stored in self.entries.values()
            if stored.item.cancelled
            and stored.item.updated < limit
            and (stored.dropped or not self.living(stored.master_id or ""))
        ]
        for stored in gone:
            del self.entries[stored.id]
            self.forgotten = max(self.forgotten, stored.seq)
        if gone:
            self._listing.clear()

    # The order of changes

    def _store(self, item: Item, *, dropped: bool = False) -> Stored:
        self.seq += 1
        old = self.entries.pop(item.id, None)
        previous = old
        if old is not None and not old.ever_recurring:
            old.previous = None
        span = (item.start, item.end)
        stored = Stored(
            seq=self.seq,
            first_seq=old.first_seq if old else self.seq,
            item=item,
            zone=self.zone,
            previous=previous,
            spans=old.spans | {span} if old else frozenset({span}),
            dropped=dropped,
        )
        self.entries[item.id] = stored
        self._index(stored)
        return stored

    def _index(self, stored: Stored) -> None:
        if stored.recurring:
            self._by_base.setdefault(base_id(stored.id), {})[stored.id] = None
        if stored.master_id is not None:
            self._by_base.setdefault(stored.master_id, {})[stored.id] = None

    def _settle_exceptions(self, master: Stored, stamp: Stamp) -> None:
        exceptions = [entry for entry in self.dated_exceptions(master.id) if not entry.dropped]
        if not exceptions:
            return
        last = max(self.original(entry) for entry in exceptions)
        living = {item.id for item in master.expand(Horizon(last, None))}
        for entry in exceptions:
            if entry.id not in living or not master.recurring:
                self._drop(entry, stamp)

    def _drop(self, entry: Stored, stamp: Stamp) -> None:
        self._store(tombstone(entry.item, stamp, details=False), dropped=True)

    def exceptions(self, master_id: str) -> Iterator[Stored]:
        """The stored exceptions of a series, cancelled and fallen ones among them."""
        for key in list(self._by_base.get(master_id, ())):
            entry = self.entries.get(key)
            if entry is not None and entry.master_id == master_id:
                yield entry

    def dated_exceptions(self, master_id: str) -> list[Stored]:
        """Those that say which occurrence they replace; odd data may not."""
        entries = self.exceptions(master_id)
        return [entry for entry in entries if "originalStartTime" in entry.item.body]

    def original(self, entry: Stored) -> datetime:
        """When the occurrence that an exception replaces would have begun."""
        return edge_instant(entry.item.body["originalStartTime"], self._date_zone(entry))

    def _date_zone(self, entry: Stored) -> tzinfo:
        """All-day originals compare as UTC midnights, the wall clock of an all-day series."""
        edge = entry.item.body["originalStartTime"]
        return zone_named("UTC") if "date" in edge else self.zone

    def _instance(self, event_id: str, horizon: Horizon) -> tuple[Stored, Item] | None:
        for key in self._by_base.get(base_id(event_id).rpartition("_")[0], ()):
            master = self.entries.get(key)
            if master is not None and master.recurring:
                for item in master.expand(horizon):
                    if item.id == event_id:
                        return master, item
        return None

    # What a version shows

    def shown(self, stored: Stored, horizon: Horizon, *, single_events: bool) -> Iterable[Item]:
        """The items that a stored version stands for."""
        if not single_events or not stored.recurring:
            # A fallen exception is history; the instance of a living series speaks for that id.
            if stored.dropped and self._instance(stored.id, horizon):
                return ()
            return (stored.item,)
        return [item for item in stored.expand(horizon) if not self.overridden(item.id, stored.id)]

    def overridden(self, instance_id: str, master_id: str) -> bool:
        """Whether an exception speaks for that instance."""
        entry = self.entries.get(instance_id)
        return entry is not None and not entry.dropped and entry.master_id == master_id

    def _ghosts(self, stored: Stored, horizon: Horizon) -> Iterator[Item]:
        """The occurrences that a deleted series had last, as tombstones."""
        stamp = Stamp(datetime.fromtimestamp(stored.item.updated, UTC))
        last = next(version for version in stored.versions() if version.recurring)
        for item in last.expand(horizon):
            if item.id not in self.entries:
                yield tombstone(item, stamp, details=False)
