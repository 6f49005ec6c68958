"""Three usual ways of writing such a sync, each as short as it is found in the wild.

They are here to be measured, not used. All are right as long as nothing goes wrong.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

Event = dict[str, Any]
BATCH: Final = 50


class Google:
    """The library's client with a bearer token."""

    def __init__(self, api_url: str, access_token: str) -> None:
        from google.oauth2.credentials import Credentials

        credentials = Credentials(token=access_token)  # type: ignore[no-untyped-call]
        self._events: Any = build(
            "calendar",
            "v3",
            credentials=credentials,
            static_discovery=True,
            client_options={"api_endpoint": api_url.rstrip("/") + "/calendar/v3/"},
        ).events()

    def pages(self, calendar_id: str, now: datetime, token: str | None) -> Iterator[Any]:
        """Every page of a delta, or of the window."""
        window = {
            "timeMin": (now - timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "timeMax": (now + timedelta(days=180)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        selection = {"syncToken": token} if token else window
        request = self._events.list(calendarId=calendar_id, singleEvents=True, **selection)
        while request is not None:
            answer = request.execute()
            yield answer
            request = self._events.list_next(request, answer)


class Rows:
    """The events table, one statement per event."""

    def __init__(self, dsn: str, ws_id: UUID, provider: str | None) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self._ws_id = ws_id
        self._provider = provider

    def upsert(self, calendar_id: str, event: Event) -> None:
        """Insert or overwrite, by the table's unique key."""
        self.connection.execute(
            "insert into workspace_calendar_events (ws_id, provider, external_calendar_id,"
            " external_event_id, google_event_id, title, start_at, end_at, locked)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, true)"
            " on conflict (ws_id, provider, external_calendar_id, external_event_id)"
            " do update set title = excluded.title, start_at = excluded.start_at,"
            " end_at = excluded.end_at",
            (
                *(self._ws_id, self._provider, calendar_id, event["id"], event["id"]),
                *(event.get("summary", ""), instant(event["start"]), instant(event["end"])),
            ),
        )

    def delete(self, calendar_id: str, event_id: str) -> None:
        """Delete one event's row."""
        self.connection.execute(
            "delete from workspace_calendar_events where ws_id = %s"
            " and external_calendar_id = %s and external_event_id = %s",
            (self._ws_id, calendar_id, event_id),
        )

    def wipe(self, calendar_id: str) -> None:
        """Delete a whole calendar."""
        self.connection.execute(
            "delete from workspace_calendar_events where ws_id = %s and external_calendar_id = %s",
            (self._ws_id, calendar_id),
        )

    def apply(self, calendar_id: str, events: list[Event]) -> None:
        """Write a batch in one transaction."""
        with self.connection.transaction():
            for event in events:
                if event["status"] == "cancelled":
                    self.delete(calendar_id, event["id"])
                else:
                    self.upsert(calendar_id, event)

    def token(self, key: str) -> str | None:
        """The stored sync token."""
        row = self.connection.execute(
            "select sync_token from calendar_sync_states where ws_id = %s and calendar_id = %s",
            (self._ws_id, key),
        ).fetchone()
        return row[0] if row else None

    def store_token(self, key: str, token: str | None) -> None:
        """Store the sync token, whatever was there."""
        self.connection.execute(
            "insert into calendar_sync_states (ws_id, calendar_id, sync_token)"
            " values (%s, %s, %s) on conflict (ws_id, calendar_id)"
            " do update set sync_token = excluded.sync_token",
            (self._ws_id, key, token),
        )


def instant(edge: Event) -> datetime:
    """An event's edge; a date is midnight of wherever this program runs."""
    return datetime.fromisoformat(edge.get("dateTime") or edge["date"]).astimezone()


def token_regardless(
    google: Google,
    rows: Rows,
    calendars: list[str],
    now: datetime,
    before_token: Callable[[], None],
) -> None:
    """Batches may fail and are only logged; the token is stored all the same, one per workspace."""
    for calendar_id in calendars:
        token = rows.token("primary")
        try:
            pages = list(google.pages(calendar_id, now, token))
        except HttpError:
            pages = list(google.pages(calendar_id, now, None))
        items = pages[0].get("items", [])
        for begin in range(0, len(items), BATCH):
            with contextlib.suppress(psycopg.Error):
                rows.apply(calendar_id, items[begin : begin + BATCH])
        before_token()
        rows.store_token("primary", pages[-1].get("nextSyncToken"))


def wipe_and_refetch(
    google: Google,
    rows: Rows,
    calendars: list[str],
    now: datetime,
    before_token: Callable[[], None],
) -> None:
    """Page by page into the table; a token that is refused means to begin with nothing."""
    for calendar_id in calendars:
        token = rows.token(calendar_id)
        new = None
        try:
            for page in google.pages(calendar_id, now, token):
                rows.apply(calendar_id, page.get("items", []))
                new = page.get("nextSyncToken")
        except HttpError as error:
            if error.status_code != 410:
                raise
            rows.wipe(calendar_id)
            for page in google.pages(calendar_id, now, None):
                rows.apply(calendar_id, page.get("items", []))
                new = page.get("nextSyncToken")
        before_token()
        rows.store_token(calendar_id, new)


def status_file(
    google: Google,
    rows: Rows,
    calendars: list[str],
    now: datetime,
    before_token: Callable[[], None],
    *,
    path: Path,
) -> None:
    """What is known and the tokens stand in one file, which is saved when all is done.

    The rows carry no provider, so the table's key does not hold them apart.
    """
    status: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for calendar_id in calendars:
        known = status.setdefault(calendar_id, {"token": None, "ids": []})
        try:
            pages = list(google.pages(calendar_id, now, known["token"]))
        except HttpError:
            pages = list(google.pages(calendar_id, now, None))
        for event in (event for page in pages for event in page.get("items", [])):
            if event["id"] in known["ids"]:
                rows.delete(calendar_id, event["id"])
                known["ids"].remove(event["id"])
            if event["status"] != "cancelled":
                rows.upsert(calendar_id, event)
                known["ids"].append(event["id"])
        known["token"] = pages[-1].get("nextSyncToken")
    before_token()
    path.write_text(json.dumps(status))
