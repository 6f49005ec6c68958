"""One calendar: masters and exceptions, tombstones, and a counter that numbers every change.

The invariant: `entries` is in the order of `seq`, newest last, with each id once. A delta is
therefore a walk from the end, and costs what changed, not what is stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

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
from tuturuuu_jobs.testing.emulator.moments import edge_instant, instance_stamp, render_edge
from tuturuuu_jobs.testing.emulator.moments import zone_named as _zone_named
from tuturuuu_jobs.testing.emulator.recurrence import continue_from, cut_before, occurrences


@dataclasses.dataclass(frozen=True, slots=True)
class DeltaRules:
    """The choices that Google leaves open in a delta.

    Attributes:
        single_events: Whether series are expanded.
        horizon: How far.
        stub_span: Bounds in seconds since 1970 in which vanished instances are still reported.
        report_unseen: Whether something created and deleted since the token leaves a tombstone.
        master_stub: Whether a deleted master is itself reported beside its instances.
    """

    single_events: bool
    horizon: Horizon
    stub_span: tuple[float, float]
    report_unseen: bool
    master_stub: bool


class Calendar:
    """The state of one calendar. Not thread-safe: the emulator's lock guards it."""

    def __init__(self, calendar_id: str, owner: str, time_zone: str, summary: str) -> None:
        self.id = calendar_id
        self.owner = owner
        self.time_zone = time_zone
        self.zone: tzinfo = _zone_named(time_zone)
        self.summary = summary
        self.roles: dict[str, Role] = {owner.lower(): Role.OWNER}
        self.generation = 0
        self.seq = 0
        self.entries: dict[str, Stored] = {}
        self._by_base: dict[str, dict[str, None]] = {}
        self._listing: dict[tuple[bool, bool], tuple[int, Horizon, list[Item]]] = {}

    # Reading

    def masters(self) -> list[Json]:
        """Every stored resource, tombstones too, in the order of their last change."""
        return [dict(stored.item.body) for stored in self.entries.values()]

    def listed(self, horizon: Horizon, *, single_events: bool, deleted: bool) -> list[Item]:
        """The items of a full listing, by id, made anew only when something has changed."""
        known = self._listing.get((single_events, deleted))
        if known and known[0] == self.seq and known[1] == horizon:
            return known[2]
        items = [
            item
            for stored in self.entries.values()
            for item in self._shown(stored, horizon, single_events=single_events)
            if deleted or not item.cancelled
        ]
        items.sort(key=lambda item: item.id)
        self._listing[single_events, deleted] = (self.seq, horizon, items)
        return items

    def delta(self, since: int, rules: DeltaRules) -> list[Item]:
        """What changed after `since`, each key once in its latest state, by id."""
        found: dict[str, Item] = {}
        for stored in reversed(self.entries.values()):
            if stored.seq <= since:
                break
            if self._unseen(stored, since) and not rules.report_unseen:
                continue
            for item in self._changed(stored, since, rules):
                known = found.get(item.id)
                if known is None or (known.cancelled and not item.cancelled):
                    found[item.id] = item
        return [found[key] for key in sorted(found)]

    def find(self, event_id: str, horizon: Horizon) -> Item | None:
        """The event or instance with that id, tombstones too."""
        stored = self.entries.get(event_id)
        if stored is not None and not stored.dropped:
            return stored.item
        found = self._instance(event_id, horizon)
        return found[1] if found else (stored.item if stored else None)

    def instances(self, master_id: str, horizon: Horizon) -> list[Item]:
        """The instances of a master with its exceptions, by id; ApiError 404 if there is none."""
        stored = self.entries.get(master_id)
        if stored is None or not stored.recurring:
            raise not_found()
        own = list(self._shown(stored, horizon, single_events=True))
        own += [entry.item for entry in self._exceptions(master_id) if not entry.dropped]
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
            except (KeyError, TypeError, ValueError) as error:
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
        for exception in list(self._exceptions(event_id)):
            self._drop(exception, stamp)
        return stored

    def split(
        self, master_id: str, at: datetime, changes: Json, stamp: Stamp, horizon: Horizon
    ) -> Stored:
        """End a series before the occurrence at `at` and go on with a new one from there.

        The new id is ``<base>_R<UTC start>``; its instances keep the ids they would have had.
        Exceptions from `at` on go over to it.
        """
        master = self.entries.get(master_id)
        if master is None or not master.recurring:
            raise not_found()
        series = series_of(master.item.body, self.zone)
        starts = list(occurrences(series, horizon.until, horizon.max_instances))
        if at not in starts or at == starts[0]:
            raise bad_request("invalid", "a series is split at an occurrence after its first")
        body = master.item.body
        moved = [
            entry for entry in self._dated_exceptions(master_id) if self._original(entry) >= at
        ]
        new_body = self._continuation(master, at, starts.index(at)) | changes
        lines = list(cut_before(body["recurrence"], at, all_day=series.all_day))
        new = self.put(new_body, stamp)
        for entry in moved:
            self._store(self._reparented(entry, new.id, stamp), dropped=entry.dropped)
        self.put({**body, "recurrence": lines}, stamp)
        return new

    def _continuation(self, master: Stored, at: datetime, done: int) -> Json:
        body = master.item.body
        all_day = "date" in body["start"]
        shown = next(
            item.body
            for item in master.expand(Horizon(at, None))
            if item.id.endswith("_" + instance_stamp(at, all_day=all_day))
        )
        new_id = f"{base_id(master.id)}_R{instance_stamp(at, all_day=all_day).removesuffix('Z')}"
        return {
            **body,
            "id": new_id,
            "iCalUID": f"{new_id}@google.com",
            "start": {**body["start"], **shown["start"]},
            "end": {**body["end"], **shown["end"]},
            "recurrence": list(continue_from(body["recurrence"], done)),
        }

    def _reparented(self, entry: Stored, master_id: str, stamp: Stamp) -> Item:
        body = {**entry.item.body, "recurringEventId": master_id, "etag": stamp.etag}
        if "updated" in body:
            body["updated"] = stamp.updated
        return make_item(body, self.zone, stamp.moment)

    def _store(self, item: Item, *, dropped: bool = False) -> Stored:
        self.seq += 1
        old = self.entries.pop(item.id, None)
        previous = old
        if old is not None and not self._ever_recurring(old):
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
        exceptions = [entry for entry in self._dated_exceptions(master.id) if not entry.dropped]
        if not exceptions:
            return
        last = max(self._original(entry) for entry in exceptions)
        living = {item.id for item in master.expand(Horizon(last, None))}
        for entry in exceptions:
            if entry.id not in living or not master.recurring:
                self._drop(entry, stamp)

    def _drop(self, entry: Stored, stamp: Stamp) -> None:
        self._store(tombstone(entry.item, stamp, details=False), dropped=True)

    def _exceptions(self, master_id: str) -> Iterator[Stored]:
        for key in list(self._by_base.get(master_id, ())):
            entry = self.entries.get(key)
            if entry is not None and entry.master_id == master_id:
                yield entry

    def _dated_exceptions(self, master_id: str) -> list[Stored]:
        """Those that say which occurrence they replace; odd data may not."""
        entries = self._exceptions(master_id)
        return [entry for entry in entries if "originalStartTime" in entry.item.body]

    def _original(self, entry: Stored) -> datetime:
        return edge_instant(entry.item.body["originalStartTime"], self._date_zone(entry))

    def _date_zone(self, entry: Stored) -> tzinfo:
        """All-day originals compare as UTC midnights, the wall clock of an all-day series."""
        edge = entry.item.body["originalStartTime"]
        return _zone_named("UTC") if "date" in edge else self.zone

    def _instance(self, event_id: str, horizon: Horizon) -> tuple[Stored, Item] | None:
        for key in self._by_base.get(base_id(event_id).rpartition("_")[0], ()):
            master = self.entries.get(key)
            if master is not None and master.recurring:
                for item in master.expand(horizon):
                    if item.id == event_id:
                        return master, item
        return None

    # What a version shows

    def _shown(self, stored: Stored, horizon: Horizon, *, single_events: bool) -> Iterable[Item]:
        if not single_events or not stored.recurring:
            # A fallen exception is history; the instance of a living series speaks for that id.
            if stored.dropped and self._instance(stored.id, horizon):
                return ()
            return (stored.item,)
        return [item for item in stored.expand(horizon) if not self._overridden(item.id, stored.id)]

    def _overridden(self, instance_id: str, master_id: str) -> bool:
        entry = self.entries.get(instance_id)
        return entry is not None and not entry.dropped and entry.master_id == master_id

    def _changed(self, stored: Stored, since: int, rules: DeltaRules) -> Iterator[Item]:
        if not rules.single_events:
            yield stored.item
            return
        if not self._ever_recurring(stored):
            yield from self._shown(stored, rules.horizon, single_events=True)
            return
        if not stored.item.cancelled or rules.master_stub:
            yield from self._shown(stored, rules.horizon, single_events=True)
        yield from self._vanished(stored, since, rules)

    def _vanished(self, stored: Stored, since: int, rules: DeltaRules) -> Iterator[Item]:
        """Stubs for what versions since the token showed and the present one does not."""
        living = set[str]()
        if not stored.item.cancelled:
            living = {item.id for item in stored.expand(rules.horizon)}
        stamp = Stamp(_moment(stored.item.updated))
        version = stored.previous
        while version is not None:
            for item in version.expand(rules.horizon):
                if item.id not in living and not self._overridden(item.id, stored.id):
                    instance = "recurringEventId" in item.body
                    low, high = rules.stub_span
                    if not instance or low <= item.start <= high:
                        yield tombstone(item, stamp, details=False)
                    living.add(item.id)
            if version.seq <= since:
                return
            version = version.previous

    def _ever_recurring(self, stored: Stored) -> bool:
        version: Stored | None = stored
        while version is not None:
            if version.recurring:
                return True
            version = version.previous
        return False

    def _unseen(self, stored: Stored, since: int) -> bool:
        """Whether it was made and deleted since; an instance existed before its exception did."""
        return stored.item.cancelled and stored.first_seq > since and stored.master_id is None


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, _zone_named("UTC"))


def shown_edges(body: Json, zone: tzinfo) -> Json:
    """The resource with its times rendered in `zone`; unreadable ones stay as they are."""
    out = dict(body)
    for edge in ("start", "end", "originalStartTime"):
        if edge in out:
            try:
                out[edge] = render_edge(out[edge], zone)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                continue
    return out
