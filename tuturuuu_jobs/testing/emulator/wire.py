"""From a response to bytes on a connection, and the ways in which that goes wrong."""

from __future__ import annotations

import dataclasses
import enum
import gzip
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from tuturuuu_jobs.testing.emulator.faults import WIRE_KINDS, Fault, FaultKind
from tuturuuu_jobs.testing.emulator.messages import Response

BODILESS: Final = frozenset({204, 304})
"""Statuses whose answers have no body, and no headers that would describe one."""


class Ending(enum.Enum):
    """What happens to the connection after the bytes."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"


@dataclasses.dataclass(frozen=True, slots=True)
class Transmission:
    """The bytes to send, a pause before the rest of them, and what follows.

    Attributes:
        first: Sent at once.
        pause_s: Seconds until `rest` is sent.
        rest: Sent after the pause.
        ending: What happens to the connection then.
    """

    first: bytes
    pause_s: float = 0.0
    rest: bytes = b""
    ending: Ending = Ending.KEEP


def transmission(
    response: Response, fault: Fault | None, *, accepts_gzip: bool, closing: bool
) -> Transmission:
    """The plain transmission of a response, or the spoilt one."""
    ending = Ending.CLOSE if closing else Ending.KEEP
    if fault is None:
        head, body = _framed(response, accepts_gzip=accepts_gzip, closing=closing)
        return Transmission(head + body, ending=ending)
    match fault.kind:
        case FaultKind.CLOSE:
            return Transmission(b"", ending=Ending.CLOSE)
        case FaultKind.RESET:
            return Transmission(b"", ending=Ending.RESET)
        case FaultKind.RAW:
            return Transmission(fault.raw, ending=Ending.CLOSE)
        case FaultKind.JSON_CUT:
            cut = _cut(response.body.plain())
            return Transmission(_head(response, len(cut)) + cut, ending=ending)
        case FaultKind.GZIP_CUT:
            cut = _cut(gzip.compress(response.body.plain(), 1))
            return Transmission(_head(response, len(cut), gzipped=True) + cut, ending=ending)
        case FaultKind.CHUNK_CUT:
            body = response.body.plain()
            head = _head(response, None) + f"{len(body):x}\r\n".encode()
            return Transmission(head + _cut(body), ending=Ending.CLOSE)
        case FaultKind.HALF_BODY:
            body = response.body.plain()
            return Transmission(_head(response, len(body)) + _cut(body), ending=Ending.CLOSE)
        case _:
            head, body = _framed(response, accepts_gzip=accepts_gzip, closing=closing)
            first = head + _cut(body)
            return Transmission(first, fault.seconds, body[len(_cut(body)) :], ending)


def wire_fault(faults: Sequence[Fault]) -> Fault | None:
    """The first of the rules that spoils bytes."""
    return next((fault for fault in faults if fault.kind in WIRE_KINDS), None)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _framed(response: Response, *, accepts_gzip: bool, closing: bool) -> tuple[bytes, bytes]:
    if response.status in BODILESS:
        return _head(response, None, closing=closing), b""
    body = response.body.gzipped() if accepts_gzip else response.body.plain()
    return _head(response, len(body), gzipped=accepts_gzip, closing=closing), body


def _head(
    response: Response, length: int | None, *, gzipped: bool = False, closing: bool = False
) -> bytes:
    status = response.status
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}"]
    if status not in BODILESS:
        lines.append(f"Content-Type: {response.content_type}")
        chunked = "Transfer-Encoding: chunked"
        lines.append(chunked if length is None else f"Content-Length: {length}")
    if gzipped:
        lines.append("Content-Encoding: gzip")
    if closing:
        lines.append("Connection: close")
    lines += ["Vary: Origin", "Cache-Control: private, max-age=0, must-revalidate, no-transform"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
