"""Readers of the event log: nothing missed, in the order of commits, at least once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import Invoke
from tuturuuu_jobs.commands import events
from tuturuuu_jobs.errors import BusyError, FailedError, UsageError
from tuturuuu_jobs.runtime import consumers
from tuturuuu_jobs.runtime.following import read_events

WRITE = "insert into jobs.events (type, data) values (%s, %s) returning id"


def write(database: Database, *names: str, kind: str = "noted") -> list[int]:
    """One event each, every one in a transaction of its own."""
    ids: list[int] = []
    with database.connect() as connection:
        for name in names:
            row = connection.execute(WRITE, (kind, json.dumps({"name": name}))).fetchone()
            assert row is not None
            ids.append(row[0])
    return ids


def read(invoke: Invoke, database: Database, *arguments: str, name: str = "mail") -> list[str]:
    """The names that a reader prints."""
    code, text, said = invoke(database, events.app, "read", "--consumer", name, *arguments)
    assert (code, said) == (0, "")
    return [json.loads(line)["data"]["name"] for line in text.splitlines()]


def test_a_new_consumer_begins_at_the_beginning_and_gets_each_event_once(
    invoke: Invoke, database: Database
) -> None:
    write(database, "a", "b")
    assert read(invoke, database) == ["a", "b"]
    assert read(invoke, database) == []
    write(database, "c")
    assert read(invoke, database) == ["c"]
    assert read(invoke, database, name="other") == ["a", "b", "c"]


def test_an_event_is_one_document_with_a_lasting_id(invoke: Invoke, database: Database) -> None:
    (event_id,) = write(database, "a")
    _, text, _ = invoke(database, events.app, "read", "--consumer", "mail")
    document = json.loads(text)
    assert document.pop("at").endswith("Z")
    assert document == {
        "id": event_id,
        "type": "noted",
        "run_id": None,
        "job": None,
        "ws_id": None,
        "data": {"name": "a"},
    }


def test_a_limit_and_types_choose_what_comes(invoke: Invoke, database: Database) -> None:
    write(database, "a", "b", "c")
    write(database, "x", kind="other")
    assert read(invoke, database, "--limit", "2") == ["a", "b"]
    assert read(invoke, database, "--type", "other") == ["x"]


def test_what_an_open_transaction_wrote_comes_when_it_commits_and_nothing_before_it_is_lost(
    invoke: Invoke, database: Database
) -> None:
    with database.connect() as slow, slow.transaction():
        slow.execute(WRITE, ("noted", '{"name": "early"}'))
        write(database, "late")
        assert read(invoke, database) == []
    assert read(invoke, database) == ["early", "late"]


def test_readers_beside_concurrent_writers_miss_and_repeat_nothing(database: Database) -> None:
    writers = [
        threading.Thread(target=write, args=(database, *(f"{n}-{i}" for i in range(60))))
        for n in range(4)
    ]
    for writer in writers:
        writer.start()
    seen: list[Any] = []
    with database.connect() as connection, consumers.reading(connection, "mail") as begin:
        place = begin
        while any(writer.is_alive() for writer in writers) or (
            read_events(connection, place, limit=1)
        ):
            found = read_events(connection, place, limit=7)
            seen += [event.data["name"] for event in found]
            place = found[-1].position if found else place
    assert sorted(seen) == sorted(f"{n}-{i}" for n in range(4) for i in range(60))


def test_of_two_readers_of_one_consumer_the_second_is_busy(
    invoke: Invoke, database: Database
) -> None:
    with database.connect() as connection, consumers.reading(connection, "mail"):
        code, text, said = invoke(database, events.app, "read", "--consumer", "mail")
        assert (code, text) == (75, "")
        assert "another reader" in said
        assert read(invoke, database, name="other") == []
        with database.connect() as second, pytest.raises(BusyError):
            consumers.send_back(second, "mail", None)


@pytest.mark.parametrize("place", ["beginning", "id", "moment", "ago"])
def test_a_replay_begins_where_it_is_told(invoke: Invoke, database: Database, place: str) -> None:
    ids = write(database, "a", "b", "c")
    assert read(invoke, database) == ["a", "b", "c"]
    begin, expected = {
        "beginning": ("beginning", ["a", "b", "c"]),
        "id": (str(ids[1]), ["b", "c"]),
        "moment": ("2020-01-01T00:00:00Z", ["a", "b", "c"]),
        "ago": ("1h", ["a", "b", "c"]),
    }[place]
    arguments = ("replay", "--consumer", "mail", "--from", begin, "--json")
    code, text, said = invoke(database, events.app, *arguments)
    assert (code, said, json.loads(text)["consumer"]) == (0, "", "mail")
    assert read(invoke, database) == expected


def test_a_replay_from_the_future_waits_for_what_comes(invoke: Invoke, database: Database) -> None:
    write(database, "a")
    arguments = ("replay", "--consumer", "mail", "--from", "2999-01-01T00:00:00Z")
    assert invoke(database, events.app, *arguments)[0] == 0
    assert read(invoke, database) == []
    write(database, "b")
    assert read(invoke, database) == ["b"]


@pytest.mark.parametrize("begin", ["4711", "yesterday", ""])
def test_a_replay_from_nowhere_is_a_usage_error_and_moves_nothing(
    invoke: Invoke, database: Database, begin: str
) -> None:
    write(database, "a")
    read(invoke, database)
    code, text, _ = invoke(database, events.app, "replay", "--consumer", "mail", "--from", begin)
    assert (code, text) == (2, "")
    assert read(invoke, database) == []


def test_consumers_are_listed_with_what_waits_for_them_and_can_be_forgotten(
    invoke: Invoke, database: Database
) -> None:
    write(database, "a")
    read(invoke, database)
    write(database, "b", "c")
    _, text, _ = invoke(database, events.app, "consumers", "--json")
    (row,) = json.loads(text)["consumers"]
    assert (row["name"], row["waiting"]) == ("mail", 2)
    assert "mail" in invoke(database, events.app, "consumers")[1]
    assert invoke(database, events.app, "forget", "--consumer", "mail")[0] == 0
    assert json.loads(invoke(database, events.app, "consumers", "--json")[1]) == {"consumers": []}
    assert invoke(database, events.app, "forget", "--consumer", "mail")[0] == 2


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines"])
def test_a_name_that_will_not_do_is_a_usage_error(database: Database, name: str) -> None:
    with database.connect() as connection, pytest.raises(UsageError):
        consumers.send_back(connection, name, None)


def test_a_place_ahead_of_the_server_is_told_and_not_waited_for(
    invoke: Invoke, database: Database
) -> None:
    with database.connect() as connection:
        connection.execute(
            "insert into jobs.cursors (consumer, last_xid, last_event_id)"
            " values ('mail', '999999999999', 1)"
        )
        with pytest.raises(FailedError) as caught, consumers.reading(connection, "mail"):
            pass
    assert caught.value.code == "consumer_ahead"
    write(database, "a")
    assert invoke(database, events.app, "replay", "--consumer", "mail", "--from", "1h")[0] == 0
    assert read(invoke, database) == ["a"]


def test_a_reader_that_is_killed_before_it_moves_its_place_gets_the_events_again(
    invoke: Invoke, database: Database, tmp_path: Path
) -> None:
    write(database, "a", "b")
    program = (
        "import os, signal, sys\n"
        "from tuturuuu_jobs.runtime import consumers\n"
        "consumers.move = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from tuturuuu_jobs.commands.events import app\n"
        "app(['read', '--consumer', 'mail'])\n"
    )
    environ = {
        **os.environ,
        "DATABASE_URL": database.dsn,
        "TUTURUUU_JOBS_STATE_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.splitlines()) == 2
    with database.connect() as connection:
        # The server notices the dead client within a second; until then its lock is held.
        connection.execute(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
            " and database = (select oid from pg_database where datname = current_database())"
        )
    assert read(invoke, database) == ["a", "b"]


def test_a_reader_that_waits_gets_what_is_written_meanwhile(
    invoke: Invoke, database: Database
) -> None:
    late = threading.Timer(0.3, write, args=(database, "late"))
    late.start()
    assert read(invoke, database, "--for", "30s", "--limit", "1") == ["late"]
    late.join()
