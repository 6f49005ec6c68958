"""Users, workspaces, and their encryption."""

from __future__ import annotations

from typing import Final, LiteralString
from uuid import UUID

from tuturuuu_jobs.testing.tuturuuu.seed.rows import Connection, fetch_id

CREATE_USER: Final[LiteralString] = """
insert into auth.users (id, email)
values (coalesce(%(id)s, gen_random_uuid()), %(email)s)
returning id
"""


def create_user(
    connection: Connection, email: str | None = None, *, user_id: UUID | None = None
) -> UUID:
    """A user, and by the platform's triggers a personal workspace with its calendars."""
    return fetch_id(connection, CREATE_USER, {"id": user_id, "email": email})


PERSONAL_WORKSPACE: Final[LiteralString] = """
update workspaces set timezone = %(timezone)s
where creator_id = %(user_id)s and personal
returning id
"""


def personal_workspace(connection: Connection, user_id: UUID, *, timezone: str = "UTC") -> UUID:
    """The user's own workspace, which exists already; its zone is set."""
    return fetch_id(connection, PERSONAL_WORKSPACE, {"user_id": user_id, "timezone": timezone})


CREATE_WORKSPACE: Final[LiteralString] = """
insert into workspaces (id, name, creator_id, timezone, deleted)
values (coalesce(%(id)s, gen_random_uuid()), %(name)s, %(creator_id)s, %(timezone)s, %(deleted)s)
returning id
"""


def create_workspace(
    connection: Connection,
    creator_id: UUID,
    *,
    name: str = "Team",
    timezone: str = "UTC",
    deleted: bool = False,
    ws_id: UUID | None = None,
) -> UUID:
    """A team workspace; its creator is a member."""
    values = {
        "id": ws_id,
        "name": name,
        "creator_id": creator_id,
        "timezone": timezone,
        "deleted": deleted,
    }
    return fetch_id(connection, CREATE_WORKSPACE, values)


ADD_MEMBER: Final[LiteralString] = """
insert into workspace_members (ws_id, user_id) values (%(ws_id)s, %(user_id)s)
"""


def add_member(connection: Connection, ws_id: UUID, user_id: UUID) -> None:
    """One more member of a workspace."""
    connection.execute(ADD_MEMBER, {"ws_id": ws_id, "user_id": user_id})


CREATE_ENCRYPTION_KEY: Final[LiteralString] = """
insert into workspace_encryption_keys (ws_id, encrypted_key)
values (%(ws_id)s, %(encrypted_key)s)
returning id
"""


def create_encryption_key(connection: Connection, ws_id: UUID, encrypted_key: str) -> UUID:
    """What switches encryption on for a workspace; the key is wrapped and in base64."""
    values = {"ws_id": ws_id, "encrypted_key": encrypted_key}
    return fetch_id(connection, CREATE_ENCRYPTION_KEY, values)
