"""Reading what children say, always and at once: a full pipe would stop them for ever."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

_CHUNK: Final = 64 * 1024
_LONGEST_LINE: Final = 8 * 1024


class Pump:
    """Hands on whatever arrives at a pipe until it ends or is closed.

    Attributes:
        ended: Done once nobody holds the other end any more.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, descriptor: int, feed: Callable[[bytes], None]
    ) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._feed = feed
        self._open = True
        self.ended: asyncio.Future[None] = loop.create_future()
        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, self._read)

    def close(self) -> None:
        """Read no more; idempotent."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
        if not self.ended.done():
            self.ended.set_result(None)

    def _read(self) -> None:
        try:
            chunk = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return
        if chunk:
            self._feed(chunk)
        else:
            self.close()


class Head:
    """Keeps the first bytes of a stream and knows whether there were more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.complete = True

    def feed(self, chunk: bytes) -> None:
        """Take what arrived; what exceeds the limit is counted as lost, not kept."""
        room = self._limit - len(self._kept)
        self.complete = self.complete and len(chunk) <= room
        self._kept += chunk[:room]

    @property
    def content(self) -> bytes:
        """What is kept."""
        return bytes(self._kept)


class Lines:
    """Passes a stream on line by line and keeps the last bytes of it."""

    def __init__(self, say: Callable[[str], None], limit: int) -> None:
        self._say = say
        self._limit = limit
        self._kept = bytearray()
        self._open = b""

    def feed(self, chunk: bytes) -> None:
        """Take what arrived; a line without an end is cut rather than kept growing."""
        self._kept += chunk
        del self._kept[: -self._limit]
        *whole, self._open = (self._open + chunk).split(b"\n")
        for line in whole:
            self._tell(line)
        if len(self._open) > _LONGEST_LINE:
            self.finish()

    def finish(self) -> None:
        """Tell the line that has no end."""
        if self._open:
            self._tell(self._open)
            self._open = b""

    def _tell(self, line: bytes) -> None:
        self._say(line[:_LONGEST_LINE].decode(errors="replace").rstrip("\r"))

    @property
    def content(self) -> bytes:
        """What is kept."""
        return bytes(self._kept)
