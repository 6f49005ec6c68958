"""Sync and page tokens: opaque to clients, signed, and needing no memory on the server.

A sync token says which state of which calendar its holder has seen, as whom, with which
parameters. The same state gives the same text. A page token says where a listing goes on and when
that listing began, because the sync token at its end stands for the first page.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
import json
import struct
from typing import Any, Final

_SYNC: Final = struct.Struct(">B4s4s4sHI")
_SYNC_VERSION: Final = 7
_MAC_BYTES: Final = 8


def digest(*parts: str) -> bytes:
    """Four bytes that stand for these texts."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=4).digest()


@dataclasses.dataclass(frozen=True, slots=True)
class SyncToken:
    """The content of a sync token.

    Attributes:
        calendar: Digest of the calendar's id.
        user: Digest of the account's address.
        fingerprint: Digest of the parameters that must stay equal.
        generation: The calendar's token generation; an older one is refused with 410.
        seq: The last change that the holder has seen.
        window: Bounds of the first listing as seconds since 1970, where windows are remembered.
    """

    calendar: bytes
    user: bytes
    fingerprint: bytes
    generation: int
    seq: int
    window: tuple[float | None, float | None] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PageToken:
    """The content of a page token.

    Attributes:
        fingerprint: Digest of calendar, user and every parameter of the request.
        snapshot: The number of the snapshot, or 0 where pages read live data.
        offset: How many items of the listing came before.
        after: The key of the last item that came before, for live pages.
        page: The number of the page this token asks for; the first page is 1.
        seq: The calendar's state when the first page was made.
        generation: The calendar's token generation at that moment.
        epoch: The page-token epoch of the server; an older one has expired.
        issued: Seconds since 1970, for the time to live.
    """

    fingerprint: str
    snapshot: int
    offset: int
    after: str
    page: int
    seq: int
    generation: int
    epoch: int
    issued: float


class TokenBox:
    """Seals and opens tokens with a key made from the emulator's seed."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.blake2b(f"emulator {seed}".encode(), digest_size=32).digest()

    def seal_sync(self, token: SyncToken) -> str:
        """The text of a sync token, 36 characters, and more with a remembered window."""
        packed = _SYNC.pack(
            _SYNC_VERSION,
            token.calendar,
            token.user,
            token.fingerprint,
            token.generation,
            token.seq,
        )
        window = b"" if token.window is None else json.dumps(token.window).encode()
        return self._seal(packed + window)

    def open_sync(self, text: str) -> SyncToken | None:
        """The content, or None for anything this box did not seal as a sync token."""
        data = self._open(text)
        if data is None or len(data) < _SYNC.size or data[0] != _SYNC_VERSION:
            return None
        _, calendar, user, fingerprint, generation, seq = _SYNC.unpack_from(data)
        rest = data[_SYNC.size :]
        low, high = json.loads(rest) if rest else (None, None)
        return SyncToken(
            calendar, user, fingerprint, generation, seq, (low, high) if rest else None
        )

    def seal_page(self, token: PageToken) -> str:
        """The text of a page token."""
        return self._seal(json.dumps(dataclasses.astuple(token), separators=(",", ":")).encode())

    def open_page(self, text: str) -> PageToken | None:
        """The content, or None for anything this box did not seal as a page token."""
        data = self._open(text)
        if data is None or data[:1] != b"[":
            return None
        values: list[Any] = json.loads(data)
        return PageToken(*values)

    def _seal(self, data: bytes) -> str:
        return base64.urlsafe_b64encode(self._mac(data) + data).decode()

    def _open(self, text: str) -> bytes | None:
        try:
            sealed = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, data = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        return data if hmac.compare_digest(mac, self._mac(data)) else None

    def _mac(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._key, digest_size=_MAC_BYTES).digest()
