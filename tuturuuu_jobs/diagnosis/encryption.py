"""Whether the workspaces whose events are encrypted can be served."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from tuturuuu_jobs.diagnosis.findings import Finding, listed, ok, serious
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.settings import Settings, places_of, variable_of
from tuturuuu_jobs.workspaces.encryption import unwrap

_TRIED: Final = 5
"""Opening a key takes 50 ms."""


@dataclasses.dataclass(frozen=True, slots=True)
class EncryptionFacts:
    """How many live workspaces are encrypted, and which keys of the latest do not open.

    Attributes:
        closed: Of those tried; all of them if there is no master key.
    """

    workspaces: int
    closed: tuple[UUID, ...]


_KEYS: Final[LiteralString] = """
select key.ws_id, key.encrypted_key, count(*) over () as workspaces
from public.workspace_encryption_keys key
join public.workspaces ws on ws.id = key.ws_id and ws.deleted is not true
order by key.created_at desc, key.ws_id limit %(tried)s
"""


def look_at_keys(connection: psycopg.Connection[Any], settings: Settings) -> EncryptionFacts:
    """Try the master key on the latest workspaces' keys."""
    with translated_errors():
        rows = connection.execute(_KEYS, {"tried": _TRIED}).fetchall()
    master = settings.encryption_master_key
    closed = [
        ws_id
        for ws_id, key, _ in rows
        if master is None or unwrap(master.get_secret_value(), key, bytes) is None
    ]
    return EncryptionFacts(rows[0][2] if rows else 0, tuple(closed))


def judge_keys(facts: EncryptionFacts, settings: Settings) -> Iterator[Finding]:
    """Nothing is said where nobody encrypts."""
    name = variable_of("encryption_master_key")
    why = "their events are neither synced nor scheduled: nothing plain may be written there"
    if not facts.workspaces:
        return
    if settings.encryption_master_key is None:
        yield serious(
            "encryption_key_missing",
            f"{facts.workspaces} workspace(s) are encrypted and {name} is not set",
            why=why,
            action=places_of("encryption_master_key"),
            subject=name,
        )
    elif facts.closed:
        yield serious(
            "encryption_key_missing",
            f"{name} does not open the keys of: {listed(facts.closed)}",
            why=why,
            action=f"compare {name} with the ENCRYPTION_MASTER_KEY of the app",
            subject=name,
        )
    else:
        yield ok("encryption_key_opens", f"{name} opens the workspaces' keys", subject=name)
