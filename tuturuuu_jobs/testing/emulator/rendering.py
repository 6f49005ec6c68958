"""From items to bytes: roles hide, ``fields`` select, each item's text is made once and kept."""

from __future__ import annotations

import dataclasses
import functools
import json
import struct
import zlib
from collections.abc import Iterable
from datetime import tzinfo
from typing import Any, Final

from tuturuuu_jobs.testing.emulator.fields import apply_mask, mask_for
from tuturuuu_jobs.testing.emulator.model import Item, Json, Role
from tuturuuu_jobs.testing.emulator.moments import shown_edges

_BUSY_ONLY: Final = frozenset(
    {
        "kind",
        "etag",
        "id",
        "status",
        "start",
        "end",
        "visibility",
        "transparency",
        "updated",
        "recurringEventId",
        "originalStartTime",
    }
)
_BARE: Final = frozenset({"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"})
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """One way to render events: who looks, what is asked for, in which zone.

    Attributes:
        nested: As an item of a listing; otherwise alone.
        bare_tombstones: A cancelled event shows nothing of what it was.
    """

    role: Role
    fields: str | None
    zone: tzinfo | None
    max_attendees: int | None
    pretty: bool
    nested: bool = True
    bare_tombstones: bool = False


def item_text(item: Item, view: View) -> bytes:
    """The item's JSON under that view."""
    text = item.texts.get(view)
    if text is None:
        text = item.texts[view] = _render(item, view)
    return text


def _render(item: Item, view: View) -> bytes:
    body = item.body
    if view.bare_tombstones and item.cancelled:
        body = {name: value for name, value in body.items() if name in _BARE}
    private = body.get("visibility") in {"private", "confidential"}
    sees_all = view.role in {Role.WRITER, Role.OWNER}
    if view.role <= Role.FREE_BUSY_READER or (private and not sees_all):
        body = {name: value for name, value in body.items() if name in _BUSY_ONLY}
    if view.zone is not None:
        body = shown_edges(body, view.zone)
    if view.max_attendees is not None and len(body.get("attendees") or ()) > view.max_attendees:
        body = _fewer_attendees(body, view.max_attendees)
    mask = mask_for("Events", view.fields) if view.nested else mask_for("Event", view.fields)
    below = mask.get("items", {}) if view.nested else mask
    text = encode(apply_mask(body, below), pretty=view.pretty)
    return text.replace(b"\n", b"\n    ") if view.pretty and view.nested else text


def _fewer_attendees(body: Json, limit: int) -> Json:
    """Google keeps the account's own entry first of all."""
    people: list[Json] = sorted(body["attendees"], key=lambda person: not person.get("self"))
    return {**body, "attendees": people[:limit], "attendeesOmitted": True}


def encode(value: Any, *, pretty: bool) -> bytes:
    """JSON in UTF-8; text that UTF-8 cannot hold (lone surrogates) is escaped."""
    layout: dict[str, Any] = {"indent": 2} if pretty else {"separators": (",", ":")}
    try:
        return json.dumps(value, ensure_ascii=False, **layout).encode()
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, **layout).encode()


@dataclasses.dataclass(frozen=True, slots=True)
class Body:
    """A response body in two parts: a long one that repeats, and a short one around it.

    The long part is compressed once and remembered; the rest differs with each token.
    """

    head: bytes
    middle: bytes = b""
    tail: bytes = b""

    def plain(self) -> bytes:
        """The bytes without compression."""
        return b"".join((self.head, self.middle, self.tail))

    def gzipped(self) -> bytes:
        """One gzip member of the same bytes."""
        head, middle = _deflate(self.head), _deflated(self.middle)
        closer = zlib.compressobj(1, zlib.DEFLATED, -15)
        tail = closer.compress(self.tail) + closer.flush()
        check = zlib.crc32(self.tail, zlib.crc32(self.middle, zlib.crc32(self.head)))
        size = len(self.head) + len(self.middle) + len(self.tail)
        return b"".join(
            (_GZIP_HEAD, head, middle, tail, struct.pack("<LL", check, size & 0xFFFFFFFF))
        )


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


@functools.lru_cache(maxsize=16)
def _deflated(data: bytes) -> bytes:
    return _deflate(data)


def events_body(top: Json, items: Iterable[Item], view: View, *, with_items: bool = True) -> Body:
    """The body of a listing: the top-level fields that were asked for, and the items joined."""
    mask = mask_for("Events", view.fields)
    shown = apply_mask(top, {name: below for name, below in mask.items() if name != "items"})
    if mask and set(mask) == {"items"}:
        shown = {}
    if not with_items or (mask and "items" not in mask):
        return Body(encode(shown, pretty=view.pretty))
    middle = (b",\n    " if view.pretty else b",").join([item_text(item, view) for item in items])
    text = encode({**shown, "items": []}, pretty=view.pretty)
    cut = text.rindex(b"[]") + 1
    if not view.pretty or not middle:
        return Body(text[:cut], middle, text[cut:])
    return Body(text[:cut] + b"\n    ", middle, b"\n  " + text[cut:])
