"""Operations on more than one event: splitting a series, and moving to another calendar."""

from __future__ import annotations

from datetime import datetime

from tuturuuu_jobs.testing.emulator.api_errors import bad_request, not_found
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.model import Horizon, Json, Stamp, Stored, base_id, series_of
from tuturuuu_jobs.testing.emulator.moments import instance_stamp
from tuturuuu_jobs.testing.emulator.recurrence import continue_from, cut_before, occurrences


def split(
    calendar: Calendar,
    master_id: str,
    at: datetime,
    changes: Json,
    *,
    stamp: Stamp,
    horizon: Horizon,
) -> Stored:
    """End a series before the occurrence at `at` and go on with a new one from there.

    The new id is ``<base>_R<UTC start>``; its instances keep the ids they would have had.
    Exceptions from `at` on go over to it. ApiError 404 if there is no such series, 400 if `at` is
    no occurrence after its first.
    """
    master = calendar.entries.get(master_id)
    if master is None or not master.recurring:
        raise not_found()
    series = series_of(master.item.body, calendar.zone)
    starts = list(occurrences(series, horizon.until, horizon.max_instances))
    if at not in starts or at == starts[0]:
        raise bad_request("invalid", "a series is split at an occurrence after its first")
    body = master.item.body
    exceptions = calendar.dated_exceptions(master_id)
    moved = [entry for entry in exceptions if calendar.original(entry) >= at]
    lines = list(cut_before(body["recurrence"], at, all_day=series.all_day))
    new = calendar.put(_continuation(master, at, starts.index(at)) | changes, stamp)
    for entry in moved:
        calendar.adopt(entry, {"recurringEventId": new.id}, stamp)
    calendar.put({**body, "recurrence": lines}, stamp)
    return new


def _continuation(master: Stored, at: datetime, done: int) -> Json:
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


def move(
    source: Calendar,
    target: Calendar,
    event_id: str,
    organizer: Json,
    *,
    stamp: Stamp,
    horizon: Horizon,
) -> Stored:
    """Move an event with its exceptions: a bare tombstone here, the same ids there.

    ApiError 404 if there is no such event.
    """
    item = source.find(event_id, horizon)
    if item is None:
        raise not_found()
    exceptions = [entry for entry in source.exceptions(event_id) if not entry.dropped]
    source.delete(event_id, stamp, horizon)
    moved = target.put({**item.body, "organizer": organizer}, stamp)
    for entry in exceptions:
        named = {"organizer": organizer} if "organizer" in entry.item.body else {}
        target.adopt(entry, named, stamp)
    return moved
