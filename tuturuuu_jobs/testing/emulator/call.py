"""One authenticated request at an endpoint: whom it is from, which calendar it is about."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, not_found
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.faults import Fault
from tuturuuu_jobs.testing.emulator.fields import apply_mask, mask_for
from tuturuuu_jobs.testing.emulator.listing import Pager
from tuturuuu_jobs.testing.emulator.messages import Request, Response, json_response
from tuturuuu_jobs.testing.emulator.model import Horizon, Item, Json, Role, Stamp
from tuturuuu_jobs.testing.emulator.query import parse_zone
from tuturuuu_jobs.testing.emulator.rendering import Body, View, item_text
from tuturuuu_jobs.testing.emulator.switches import Switches


class World(Protocol):
    """What endpoints may see of the emulator."""

    @property
    def calendars(self) -> dict[str, Calendar]:
        """Every calendar by lower-case id."""
        ...

    @property
    def pager(self) -> Pager:
        """Makes the pages of listings."""
        ...

    @property
    def switches(self) -> Switches:
        """The choices of the moment."""
        ...

    def stamp(self) -> Stamp:
        """The stamp of the next write."""
        ...

    def horizon(self) -> Horizon:
        """How far series are expanded today."""
        ...

    def new_id(self) -> str:
        """An id for an event that was given none."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request at an endpoint."""

    world: World
    request: Request
    arguments: tuple[str, ...]
    user: str
    now: datetime
    faults: Sequence[Fault]

    def reachable(self, calendar_id: str | None = None) -> tuple[Calendar, Role]:
        """The calendar of the path, or another, and the caller's role; ApiError 404 without access.

        Tombstones whose time is over go before anybody looks.
        """
        key = resolve_id(calendar_id or self.arguments[0], self.user)
        calendar = self.world.calendars.get(key.lower())
        if calendar is None:
            raise not_found()
        role = calendar.roles.get(self.user.lower(), Role.NONE)
        if role is Role.NONE:
            raise not_found()
        lifetime = self.world.switches.tombstone_lifetime
        if lifetime is not None:
            calendar.forget(self.now - lifetime)
        return calendar, role

    def writable(self, calendar_id: str | None = None) -> tuple[Calendar, Role]:
        """As `reachable`, for somebody who may write; ApiError 403 otherwise."""
        calendar, role = self.reachable(calendar_id)
        if role < Role.WRITER_WITHOUT_PRIVATE_ACCESS:
            raise ApiError(API_ERRORS["403 requiredAccessLevel"])
        return calendar, role

    def answer(self, resource: str, value: Json) -> Response:
        """The resource, reduced to the fields that were asked for."""
        mask = mask_for(resource, self.request.one("fields"))
        return json_response(apply_mask(value, mask), pretty=self.request.pretty)

    def view(self, role: Role, *, nested: bool) -> View:
        """How this request wants events rendered."""
        return View(
            role=role,
            fields=self.request.one("fields"),
            zone=parse_zone(self.request),
            max_attendees=self.request.number("maxAttendees", least=1),
            pretty=self.request.pretty,
            nested=nested,
            bare_tombstones=self._bare_tombstones(),
        )

    def _bare_tombstones(self) -> bool:
        return self.request.one("syncToken") is not None and not self.request.flag("showDeleted")

    def event(self, item: Item, role: Role) -> Response:
        """One event with its entity tag."""
        text = item_text(item, self.view(role, nested=False))
        etag = item.body.get("etag")
        return Response(200, Body(text), headers={"ETag": etag} if etag else {})


def resolve_id(calendar_id: str, user: str) -> str:
    """The id behind the alias ``primary``, which is the caller's own address."""
    return user if calendar_id == "primary" else calendar_id
