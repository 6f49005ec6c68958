"""Batches: many requests in one multipart body, and their answers in another.

The parts are requests like any other. Only their wrapping is read and made here.
"""

from __future__ import annotations

import email
import hashlib
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from tuturuuu_jobs.testing.emulator.api_errors import ApiError, bad_request
from tuturuuu_jobs.testing.emulator.messages import Request, Response, parsed_request
from tuturuuu_jobs.testing.emulator.rendering import Body

BATCH_PATH: Final = "/batch/calendar/v3"
BATCH_PATHS: Final = frozenset({BATCH_PATH, "/batch"})
LARGEST_BATCH: Final = 1000

Part = tuple[str | None, Request]
"""The Content-ID of a part, and the request in it."""


def is_batch(request: Request) -> bool:
    """Whether it is a batch of requests."""
    return request.method == "POST" and request.path in BATCH_PATHS


def read_batch(request: Request) -> list[Part]:
    """The requests in a batch; ApiError 400 if it is none, or too large.

    A part without an Authorization of its own has that of the batch.
    """
    content_type = request.headers.get("content-type", "")
    message = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + request.body
    )
    if not message.is_multipart():
        raise bad_request("badRequest", "Failed to parse batch request, no parts found.")
    authorization = request.headers.get("authorization")
    parts: list[Part] = []
    for part in message.walk():
        if part.get_content_type() != "application/http":
            continue
        payload = part.get_payload(decode=True)
        inner = _request(payload if isinstance(payload, bytes) else b"", authorization)
        parts.append((part.get("Content-ID"), inner))
    if not parts or len(parts) > LARGEST_BATCH:
        raise bad_request("badRequest", f"A batch has between 1 and {LARGEST_BATCH} parts.")
    return parts


def _request(payload: bytes, authorization: str | None) -> Request:
    head, _, body = payload.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").split("\n")
    words = first.split()
    if len(words) != 3 or is_nested(words[1]):
        raise _unreadable()
    headers = {"authorization": authorization} if authorization else {}
    for line in lines:
        name, separator, value = line.partition(":")
        if not separator:
            raise _unreadable()
        headers[name.strip().lower()] = value.strip()
    return parsed_request(words[0], words[1], headers, body)


def is_nested(target: str) -> bool:
    """Whether a part is a batch itself, which is not allowed."""
    return target.partition("?")[0] in BATCH_PATHS


def _unreadable() -> ApiError:
    return bad_request("badRequest", "Failed to parse a part of the batch request.")


def batch_response(answers: Sequence[tuple[str | None, Response]]) -> Response:
    """The answers in the order of the parts, each under the Content-ID that was given."""
    parts = [_part(content_id, answer) for content_id, answer in answers]
    boundary = "batch_" + hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()
    lines = b"".join(f"--{boundary}\r\n".encode() + part for part in parts)
    text = lines + f"--{boundary}--\r\n".encode()
    return Response(200, Body(text), content_type=f"multipart/mixed; boundary={boundary}")


def _part(content_id: str | None, answer: Response) -> bytes:
    lines = ["Content-Type: application/http"]
    if content_id:
        lines.append(f"Content-ID: {_answer_id(content_id)}")
    lines += ["", *_inner_head(answer), ""]
    return "\r\n".join(lines).encode() + b"\r\n" + answer.body.plain() + b"\r\n"


def _answer_id(content_id: str) -> str:
    return (
        content_id.replace("<", "<response-", 1) if "<" in content_id else f"response-{content_id}"
    )


def _inner_head(answer: Response) -> Iterator[str]:
    yield f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
    body = answer.body.plain()
    if body:
        yield f"Content-Type: {answer.content_type}"
    # Also where there is none: the library looks for the end of some header.
    yield f"Content-Length: {len(body)}"
    for name, value in answer.headers.items():
        yield f"{name}: {value}"
