"""Requests and responses between the wire and the endpoints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tuturuuu_jobs.testing.emulator.api_errors import ApiError, ErrorSpec, bad_request
from tuturuuu_jobs.testing.emulator.rendering import Body, encode

Query = Mapping[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One request, method override applied.

    Attributes:
        method: The method that is meant.
        path: The path, percent-encoding kept.
        query: Every parameter with its values in order.
        headers: Header values by lower-case name.
        body: The raw body; for an overridden GET it has become the query.
    """

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: bytes = b""

    def one(self, name: str) -> str | None:
        """The last value of a parameter."""
        values = self.query.get(name)
        return values[-1] if values else None

    def flag(self, name: str) -> bool | None:
        """A boolean parameter; ApiError 400 for anything but true and false."""
        text = self.one(name)
        if text is None:
            return None
        if text not in {"true", "false"}:
            raise bad_request("invalid", f"Invalid boolean value for {name}.", name)
        return text == "true"

    def number(self, name: str, *, least: int) -> int | None:
        """A whole number; ApiError 400 below `least` or for other text."""
        text = self.one(name)
        if text is None:
            return None
        if not text.lstrip("-").isdecimal() or int(text) < least:
            raise bad_request("invalidParameter", f"Invalid value for {name}.", name)
        return int(text)

    @property
    def pretty(self) -> bool:
        """Whether the answer is indented: yes, unless it is switched off."""
        return self.flag("prettyPrint") is not False


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """One answer before it meets the wire."""

    status: int
    body: Body
    content_type: str = "application/json; charset=UTF-8"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


def parsed_request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """The request on these lines; a GET sent as a POST has its parameters in the body."""
    parts = urlsplit(target)
    query = parts.query
    if method == "POST" and headers.get("x-http-method-override", "").upper() == "GET":
        method, query, body = "GET", body.decode("utf-8", "replace"), b""
    values = {name: tuple(found) for name, found in parse_qs(query, keep_blank_values=True).items()}
    return Request(method, parts.path, values, headers, body)


def json_response(value: Any, *, pretty: bool = False, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, Body(encode(value, pretty=pretty)))


def error_response(spec: ErrorSpec, retry_after: str | None = None) -> Response:
    """The answer for a refusal."""
    body = spec.body()
    headers: dict[str, str] = {}
    if spec.status == 401 and spec.domain == "global":
        headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    if isinstance(body, str):
        return Response(spec.status, Body(body.encode()), "text/html; charset=UTF-8", headers)
    return Response(spec.status, Body(encode(body, pretty=True)), headers=headers)


def refused(error: ApiError) -> Response:
    """The answer for an ApiError."""
    return error_response(error.spec)
