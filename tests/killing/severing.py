"""Proxies whose connections can be cut at once, or behind the next effect of what is sent."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from tuturuuu_jobs.testing.proxy import FaultProxy

# Of the protocol of Postgres: a simple query opens its message; whatever was prepared is done by
# Execute, which Sync follows; the end of a COPY has a message of its own.
SIMPLE = b"Q"
EXECUTE = b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04"
COPY_DONE = b"c\0\0\0\x04"


class Severed(FaultProxy):
    """A proxy that can let the next message through and drop its answer."""

    _due = False
    _leave_at: bytes | None = None

    def leave_at(self, needle: bytes) -> None:
        """When a client sends this, be a server that is down, until ``resume``."""
        self._leave_at = needle

    def sever(self) -> None:
        """Let the next message that has an effect reach the server, and nobody hear of it."""
        self._due = True

    @override
    def _sprung_by(self, before: bytes, chunk: bytes) -> Any:
        if self._due and self._has_effect(before, chunk):
            self._due = False
            # Every message holds the empty needle.
            self.cut_after(b"")
        if self._leave_at is not None and self._leave_at in chunk:
            self._leave_at = None
            self.refuse()
            self.cut_before(b"")
        return super()._sprung_by(before, chunk)

    def _has_effect(self, before: bytes, chunk: bytes) -> bool:
        """Whether this completes something that the server acts on."""
        return bool(before + chunk)


class SeveredDatabase(Severed):
    """In front of Postgres, where a statement may be prepared before it is executed."""

    @override
    def _has_effect(self, before: bytes, chunk: bytes) -> bool:
        return chunk.startswith(SIMPLE) or any(
            # Of what passed before, less than a whole mark: that one had its answer.
            mark in before[1 - len(mark) :] + chunk
            for mark in (EXECUTE, COPY_DONE)
        )
