"""How much of a payload and of a result the ledger keeps; whatever is left out is named.

The result on standard output and in the state directory stays whole.
"""

from __future__ import annotations

import json
from typing import Any, Final

PAYLOAD_LIMIT: Final = 8 * 1024
RESULT_LIMIT: Final = 64 * 1024


def bounded_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload, or a note in its place if it is larger than the ledger keeps."""
    size = _size(payload)
    return payload if size <= PAYLOAD_LIMIT else {"_omitted_bytes": size}


def bounded_result(document: dict[str, Any]) -> dict[str, Any]:
    """A result small enough for the ledger: its data goes first, and says so.

    Lists inside ``data`` are the only thing that grows with a workspace; they are dropped before
    the plain counts are.
    """
    if _size(document) <= RESULT_LIMIT:
        return document
    data: dict[str, Any] = document["data"]
    counts = {name: value for name, value in data.items() if not isinstance(value, list)}
    dropped = sorted(name for name in data if name not in counts)
    document = document | {"data": counts | {"_omitted": dropped}}
    if _size(document) > RESULT_LIMIT:
        document = document | {"data": {"_omitted": sorted(data)}}
    for part in ("errors", "warnings"):
        if _size(document) > RESULT_LIMIT:
            document = document | {part: document[part][:20]}
    return document


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode())
