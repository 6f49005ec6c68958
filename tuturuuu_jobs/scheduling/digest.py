"""Fingerprints of what a plan was made from and of what it decided.

Two dry runs with equal fingerprints showed the same. The instant of planning is no part of them,
nor are ids that only an applied plan can know: events of the team's habits planned before.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.model import Blocker, BlockerKind, Snapshot


def digest_inputs(snapshot: Snapshot) -> str:
    """Of everything that the plan depended on; the order of lists means nothing."""
    values = {
        field.name: getattr(snapshot, field.name)
        for field in dataclasses.fields(snapshot)
        if field.name not in {"now", "ignored_all_day"}
    }
    values["blockers"] = tuple(_nameless(blocker) for blocker in snapshot.blockers)
    return _digest({name: _unordered(value) for name, value in values.items()})


def digest_changes(plan: Plan) -> str:
    """Of what it would write, and why."""
    return _digest([_plain(change) for change in plan.changes])


def _nameless(blocker: Blocker) -> Blocker:
    if blocker.kind is not BlockerKind.OTHER_SCOPE:
        return blocker
    return dataclasses.replace(blocker, event_id=None)


def _unordered(value: Any) -> Any:
    plain = _plain(value)
    return sorted(plain, key=json.dumps) if isinstance(value, tuple | frozenset) else plain


def _plain(value: Any) -> Any:
    """JSON of the value, the same in every process."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case UUID() | datetime() | date():
            return str(value)
        case Mapping():
            pairs = ([_plain(key), _plain(item)] for key, item in value.items())
            return sorted(pairs, key=json.dumps)
        case tuple() | list():
            return [_plain(item) for item in value]
        case frozenset():
            return sorted((_plain(item) for item in value), key=json.dumps)
        case _ if dataclasses.is_dataclass(value):
            fields = dataclasses.fields(value)
            kind = type(value).__name__
            return [kind, *(_plain(getattr(value, field.name)) for field in fields)]
        case _:
            raise TypeError(type(value).__name__)


def _digest(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
