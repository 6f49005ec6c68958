"""The last line of defence: no secret leaves the process inside a text.

Nothing is supposed to put a secret into a message in the first place. What leaves (results, ledger,
logs) passes through here all the same, because a library's error text is not ours to promise.
Invariant: cleaning a cleaned text changes nothing.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

HIDDEN: Final = "[redacted]"

_NAME: Final = (
    r"(?:[a-z0-9_\-]{0,40}(?:password|passwd|secret|authorization|api_?key|master_?key|cookie)"
    r"(?:[_\-]?key)?|[a-z0-9_\-]{0,40}token)"
)
_SECRET_KEY: Final = re.compile(rf"{_NAME}", re.IGNORECASE)

_SHAPES: Final = (
    # scheme://user:password@host; greedy to the last @, since a password may hold one unescaped.
    (
        re.compile(r"\b([a-z][a-z0-9+.\-]*://)[^\s/@:\"']*:[^\s\"']*@", re.IGNORECASE),
        rf"\1{HIDDEN}@",
    ),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=\-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\bya29\.[A-Za-z0-9._\-]+"), HIDDEN),
    (re.compile(r"(?<![\w/])1//[A-Za-z0-9_\-]{6,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*)?"), HIDDEN),
    (re.compile(r"\b(?:GOCSPX-|AIza|sbp_|sb_secret_)[A-Za-z0-9_\-]{8,}"), HIDDEN),
    (
        re.compile(
            rf"\b({_NAME}[\"']?\s*[=:]\s*)"
            r"(?!\[redacted\])(\"[^\"]+\"|'[^']+'|[^\s&;,\"'(){}\[\]]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)


def scrub(text: str) -> str:
    """The text without anything that has the shape of a secret."""
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def clean(value: Any) -> Any:
    """A JSON-ready value with every text scrubbed and the texts under secret names hidden."""
    match value:
        case str():
            return scrub(_storable(value))
        case None | bool() | int():
            return value
        case dict():
            return _clean_fields(value)
        case list() | tuple() | set() | frozenset():
            return [clean(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case timedelta():
            # ISO 8601, which reads well and is read again.
            rest = value % timedelta(days=1)
            return f"P{value.days}D" + (f"T{rest.total_seconds():g}S" if rest else "")
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return clean(_shown_fields(value))
        case Mapping():
            return _clean_fields(value)
        case _:
            return scrub(_storable(str(value)))


def _clean_fields(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {clean(str(name)): _clean_field(str(name), field) for name, field in fields.items()}


def _storable(text: str) -> str:
    # Postgres keeps neither NUL nor a lone surrogate in jsonb, and standard output no surrogate.
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _clean_field(name: str, value: Any) -> Any:
    if isinstance(value, str) and value and _SECRET_KEY.fullmatch(name):
        return HIDDEN
    return clean(value)


def _shown_fields(value: Any) -> dict[str, Any]:
    """What a dataclass shows of itself."""
    return {
        field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.repr
    }


def public_payload(payload: Any) -> dict[str, Any]:
    """A payload as it may stand in the ledger: plain JSON, secrets hidden.

    A field may also be kept out by its own model: a pydantic ``exclude`` or a dataclass field with
    ``repr=False`` never gets here.
    """
    if hasattr(payload, "model_dump"):
        fields: dict[str, Any] = payload.model_dump(mode="json")
    elif dataclasses.is_dataclass(payload) and not isinstance(payload, type):
        fields = _shown_fields(payload)
    elif isinstance(payload, Mapping):
        fields = dict(payload)
    else:
        fields = {}
    cleaned: dict[str, Any] = clean(fields)
    return cleaned
