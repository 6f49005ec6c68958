"""Workspaces whose event texts are encrypted: nothing plain gets in, nothing is written in vain."""

from __future__ import annotations

import base64
import dataclasses
import itertools
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.encryption import MASTER, wrap
from tests.integration.scheduling.stage import NOW, Stage, data_of
from tuturuuu_jobs.testing.tuturuuu import seed
from tuturuuu_jobs.workspaces.encryption import WorkspaceCipher, unwrap

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WRAPPED = wrap()
PLAIN = ("Read", "Write")


@dataclasses.dataclass
class Vault:
    """An encrypted personal workspace with a habit and a task."""

    stage: Stage
    ws_id: UUID
    user_id: UUID
    habit: UUID
    cipher: WorkspaceCipher

    def execute(self, statement: str, *values: object) -> None:
        self.stage.connection.execute(statement.encode(), values)

    def run(self, **payload: Any) -> dict[str, Any]:
        return data_of(self.stage.run(self.ws_id, **payload))

    def instance(self, title: str, *, encrypted: bool, **columns: Any) -> UUID:
        """An open event of the habit, at noon of its date."""
        start = NOW + DAY + 4 * HOUR
        event = seed.create_event(
            self.stage.connection,
            self.ws_id,
            start,
            start + HOUR / 2,
            title=self.cipher.encrypt(title) if encrypted else title,
            is_encrypted=encrypted,
            **columns,
        )
        self.execute(
            "insert into habit_calendar_events (habit_id, event_id, occurrence_date) "
            "values (%s, %s, '2026-01-06')",
            self.habit,
            event,
        )
        return event

    def row(self, event: UUID) -> Any:
        return next(row for row in self.stage.own() if row.id == event)

    def plain(self) -> list[str]:
        """Titles in the table that anybody could read."""
        rows = self.stage.connection.execute("select title from workspace_calendar_events")
        return [title for (title,) in rows if title in PLAIN]


@pytest.fixture
def vault(stage: Stage) -> Vault:
    connection = stage.connection
    user_id = seed.create_user(connection)
    ws_id = seed.personal_workspace(connection, user_id)
    seed.create_encryption_key(connection, ws_id, WRAPPED)
    habit = seed.create_habit(
        connection,
        ws_id,
        "Read",
        ideal_time="12:00",
        start_date=date(2026, 1, 6),
        end_date=date(2026, 1, 6),
    )
    stage.master_key = MASTER
    numbers = itertools.count()
    cipher = unwrap(MASTER, WRAPPED, lambda size: next(numbers).to_bytes(size, "big"))
    assert cipher is not None
    return Vault(stage, ws_id, user_id, habit, cipher)


def add_task(vault: Vault) -> UUID:
    board = seed.create_board(vault.stage.connection, vault.ws_id, vault.user_id)
    return seed.create_task(
        vault.stage.connection, board, "Write", assignees=[vault.user_id], hours=1
    )


def test_new_events_are_encrypted(vault: Vault) -> None:
    add_task(vault)
    assert vault.run()["summary"]["eventsCreated"] == 2
    assert vault.plain() == []
    rows = vault.stage.own()
    assert {row.is_encrypted for row in rows} == {True}
    assert {vault.cipher.decrypt(row.title) for row in rows} == set(PLAIN)
    assert {(row.description, row.location) for row in rows} == {("", None)}
    assert len({base64.b64decode(row.title)[:12] for row in rows}) == 2


def test_64_the_same_title_under_another_nonce_is_no_difference(vault: Vault) -> None:
    vault.instance("Read", encrypted=True)
    before = vault.stage.physical()
    vault.run()
    assert vault.stage.physical() == before


def test_a_new_name_is_encrypted_and_once_only(vault: Vault) -> None:
    event = vault.instance("Old", encrypted=True, description=vault.cipher.encrypt("Notes"))
    vault.run()
    row = vault.row(event)
    assert (row.is_encrypted, vault.cipher.decrypt(row.title)) == (True, "Read")
    assert vault.cipher.decrypt(row.description) == "Notes"
    before = vault.stage.physical()
    vault.run()
    assert vault.stage.physical() == before


def test_a_plain_event_becomes_encrypted_when_it_is_renamed(vault: Vault) -> None:
    event = vault.instance("Old", encrypted=False)
    vault.run()
    row = vault.row(event)
    assert (row.is_encrypted, vault.cipher.decrypt(row.title)) == (True, "Read")


def test_a_plain_event_with_other_texts_keeps_all_of_them(vault: Vault) -> None:
    event = vault.instance("Old", encrypted=False, description="Notes")
    before = vault.stage.physical()
    vault.run()
    assert vault.row(event).title == "Old"
    assert vault.stage.physical() == before


def test_a_long_name_is_cut_to_what_its_ciphertext_may_take(vault: Vault) -> None:
    # The column holds 128 characters; in bytes that is more than an encrypted title may have.
    vault.execute("update workspace_habits set name = %s", "\N{OCTOPUS}" * 128)
    vault.run()
    [row] = vault.stage.own()
    assert vault.cipher.decrypt(row.title) == "\N{OCTOPUS}" * 40
    assert len(row.title) <= 255
    before = vault.stage.physical()
    vault.run()
    assert vault.stage.physical() == before


def test_the_number_of_an_instance_is_not_cut_off(vault: Vault) -> None:
    vault.execute(
        "update workspace_habits set name = %s, is_splittable = true, duration_minutes = 60, "
        "min_instances_per_day = 2, ideal_instances_per_day = 2, max_instances_per_day = 2",
        "\N{OCTOPUS}" * 128,
    )
    vault.run()
    titles = [vault.cipher.decrypt(row.title) or "" for row in vault.stage.own()]
    assert [title.lstrip("\N{OCTOPUS}") for title in titles] == [" (1/2)", " (2/2)"]
    before = vault.stage.physical()
    vault.run()
    assert vault.stage.physical() == before


@pytest.mark.parametrize("master", [None, "another master key", " "])
def test_without_the_key_no_event_is_made(vault: Vault, master: str | None) -> None:
    add_task(vault)
    vault.stage.master_key = master
    before = vault.stage.physical()
    for result in (vault.stage.run(vault.ws_id), vault.stage.preview(vault.ws_id)):
        assert (result.exit_code, result.code) == (78, "encryption_key_missing")
    assert vault.stage.physical() == before
    assert vault.plain() == []


def test_without_the_key_events_still_move_and_keep_their_texts(vault: Vault) -> None:
    event = vault.instance("Old", encrypted=True)
    before = vault.row(event)
    seed.create_event(
        vault.stage.connection, vault.ws_id, before.start_at, before.end_at, locked=True
    )
    vault.stage.master_key = None
    vault.run()
    moved = vault.row(event)
    assert moved.start_at != before.start_at
    assert (moved.title, moved.is_encrypted) == (before.title, True)
    lying = vault.stage.physical()
    vault.run()
    assert vault.stage.physical() == lying


def test_without_the_key_a_plain_event_keeps_its_old_title(vault: Vault) -> None:
    vault.instance("Old", encrypted=False)
    vault.stage.master_key = None
    before = vault.stage.physical()
    vault.run()
    assert vault.stage.physical() == before


def test_an_encrypted_event_of_a_workspace_without_a_key_keeps_its_title(vault: Vault) -> None:
    event = vault.instance("Old", encrypted=True)
    vault.execute("delete from workspace_encryption_keys")
    before = vault.stage.physical()
    vault.run()
    assert vault.stage.physical() == before
    assert vault.row(event).is_encrypted


def test_no_result_holds_the_key(vault: Vault) -> None:
    results = [vault.stage.run(vault.ws_id), vault.stage.preview(vault.ws_id)]
    vault.stage.master_key = "another-" + MASTER
    vault.execute("delete from workspace_calendar_events")
    results.append(vault.stage.run(vault.ws_id))
    texts = [str(result.to_json()) for result in results] + [repr(vault.stage.job())]
    assert not [text for text in texts if MASTER in text]
    assert not [text for text in texts if "Read" in text]
