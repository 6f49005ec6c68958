"""Whether a workspace's events are encrypted, and the cipher if its key can be had."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.workspaces.encryption import WorkspaceCipher, unwrap

SUBJECT: Final = "ENCRYPTION_MASTER_KEY"


@dataclasses.dataclass(frozen=True, slots=True)
class Encryption:
    """What a workspace's texts need.

    Attributes:
        on: Whether the workspace has a key: then every text that is written must be encrypted.
        cipher: None if it is off, or if its key cannot be had.
    """

    on: bool
    cipher: WorkspaceCipher | None = None

    @property
    def locked(self) -> bool:
        """Whether texts would have to be encrypted and cannot be."""
        return self.on and self.cipher is None


_KEY: Final[LiteralString] = """
select encrypted_key from public.workspace_encryption_keys where ws_id = %(ws)s
"""


def load_encryption(
    connection: psycopg.Connection[Any],
    ws_id: UUID,
    master_key: str | None,
    random_bytes: Callable[[int], bytes],
) -> Encryption:
    """Read a workspace's key and unwrap it; once per run, since unwrapping takes its time."""
    with translated_errors():
        row = connection.execute(_KEY, {"ws": ws_id}).fetchone()
    if row is None:
        return Encryption(on=False)
    cipher = unwrap(master_key, row[0], random_bytes) if master_key else None
    return Encryption(on=True, cipher=cipher)


def key_missing(ws_id: UUID) -> SettingsError:
    """The workspace is encrypted and its key does not open: nothing may be written in plain."""
    return SettingsError(
        f"the workspace's events are encrypted and {SUBJECT} does not open its key",
        code="encryption_key_missing",
        subject=str(ws_id),
        hint=f"set {SUBJECT} to the master key of the Tuturuuu installation; nothing was written",
    )
