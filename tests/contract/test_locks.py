"""One contract, two subjects: the lock of a file and the lock of the database."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.errors import SettingsError, UnavailableError
from tuturuuu_jobs.runtime import locks
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.locks import (
    KeyHeldError,
    LockMode,
    advisory_key,
    advisory_lock,
    file_lock,
    is_held,
    lock_path,
)

ROOT = Path(__file__).parents[2]
KEY = "google-calendar-sync-00000000-0000-0000-0000-000000000007"
RUN = "01a21034-eae0-7b87-a1c6-f4cf1d36b9d6"
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)

# What a child does to contend; it answers "held" or "busy" and holds until its input ends.
CONTENDER = """
import contextlib, sys
from datetime import UTC, datetime
from pathlib import Path
from tuturuuu_jobs.runtime import locks
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.locks import KeyHeldError, advisory_lock, file_lock
kind, where, key, run = sys.argv[1:]
with contextlib.ExitStack() as stack:
    if kind == "advisory":
        name = f"tuturuuu-jobs/sync/{run}"
        connection = stack.enter_context(connect(where, application_name=name))
        lock = advisory_lock(connection, key)
    else:
        lock = file_lock(Path(where), key, run_id=run, taken_at=datetime.now(UTC))
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    sys.stdin.readline()
    try:
        stack.enter_context(lock)
    except KeyHeldError:
        sys.stdout.write("busy\\n"); sys.stdout.flush()
    else:
        sys.stdout.write("held\\n"); sys.stdout.flush()
        sys.stdin.read()
"""


class Subject:
    """One kind of lock, takeable here and by other processes."""

    def __init__(self, kind: str, where: str, stack: contextlib.ExitStack) -> None:
        self.kind = kind
        self.where = where
        self._stack = stack

    def take(self, key: str = KEY, wait_s: float = 0.0) -> AbstractContextManager[None]:
        if self.kind == "file":
            return file_lock(Path(self.where), key, run_id=RUN, taken_at=NOW, wait_s=wait_s)
        name = f"tuturuuu-jobs/sync/{RUN}"
        connection = self._stack.enter_context(connect(self.where, application_name=name))
        return advisory_lock(connection, key, wait_s=wait_s)

    def contender(self) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", CONTENDER, self.kind, self.where, KEY, RUN],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(child)
        self._stack.callback(child.kill)
        return child


def read(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def go(child: subprocess.Popen[str]) -> str:
    assert read(child) == "ready"
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return read(child)


@pytest.fixture(params=["file", "advisory"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    where = str(tmp_path / "locks")
    if request.param == "advisory":
        database: Database = request.getfixturevalue("database")
        where = database.dsn
    with contextlib.ExitStack() as stack:
        yield Subject(request.param, where, stack)


def test_a_second_taker_is_told_who_holds_the_key(subject: Subject) -> None:
    with subject.take():
        with pytest.raises(KeyHeldError) as caught, subject.take():
            pass
        assert caught.value.code == "busy"
        assert caught.value.holder.run_id == RUN
        assert caught.value.holder.pid is not None
        assert caught.value.holder.since is not None
        assert RUN in caught.value.message
        assert caught.value.subject == KEY


def test_the_key_is_free_after_its_block_however_that_ended(subject: Subject) -> None:
    with pytest.raises(LookupError), subject.take():
        raise LookupError
    with subject.take():
        pass


def test_other_keys_are_not_held(subject: Subject) -> None:
    with subject.take(), subject.take("google-calendar-sync-other"):
        pass


def test_of_twenty_processes_one_wins(subject: Subject) -> None:
    children = [subject.contender() for _ in range(20)]
    answers = [go(child) for child in children]
    assert sorted(answers) == ["busy"] * 19 + ["held"]


def test_a_holder_that_is_killed_frees_the_key(subject: Subject) -> None:
    child = subject.contender()
    assert go(child) == "held"
    with pytest.raises(KeyHeldError), subject.take():
        pass
    child.kill()
    child.wait()
    with subject.take(wait_s=10):
        pass


def test_a_waiter_gets_the_key_when_it_is_released(subject: Subject) -> None:
    child = subject.contender()
    assert go(child) == "held"
    waiting = threading.Timer(0.2, child.kill)
    waiting.start()
    with subject.take(wait_s=30):
        pass
    waiting.join()


def test_a_wait_that_is_over_ends_as_busy(subject: Subject) -> None:
    with subject.take(), pytest.raises(KeyHeldError), subject.take(wait_s=0.1):
        pass


@pytest.mark.parametrize(
    "left_over",
    [b"", b"rubbish\xff\x00", b"1", json.dumps({"run_id": RUN, "pid": os.getppid()}).encode()],
    ids=["empty", "rubbish", "a number", "a living process of somebody else"],
)
def test_what_a_lock_file_says_never_stops_a_run(tmp_path: Path, left_over: bytes) -> None:
    lock_path(tmp_path, KEY).write_bytes(left_over)
    with file_lock(tmp_path, KEY, run_id=RUN, taken_at=NOW):
        hint = json.loads(lock_path(tmp_path, KEY).read_text())
    assert (hint["run_id"], hint["pid"]) == (RUN, os.getpid())


def test_a_holder_whose_hint_is_unreadable_is_simply_unknown(tmp_path: Path) -> None:
    with file_lock(tmp_path, KEY, run_id=RUN, taken_at=NOW):
        lock_path(tmp_path, KEY).write_text("rubbish")
        with (
            pytest.raises(KeyHeldError) as caught,
            file_lock(tmp_path, KEY, run_id=RUN, taken_at=NOW),
        ):
            pass
    assert caught.value.holder.run_id is None
    assert caught.value.message == f"{KEY} is held"


def test_a_lock_file_stays_and_is_private(tmp_path: Path) -> None:
    with file_lock(tmp_path / "new", KEY, run_id=RUN, taken_at=NOW):
        pass
    path = lock_path(tmp_path / "new", KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_keys_that_read_alike_have_files_of_their_own(tmp_path: Path) -> None:
    names = {lock_path(tmp_path, key).name for key in ("a/b", "a_b", "a b", "A_b", "a" * 500)}
    assert len(names) == 5
    assert all(len(name) < 255 and "/" not in name for name in names)


UNPRIVILEGED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.locks import file_lock
import filelock
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with file_lock(Path(sys.argv[1]), sys.argv[2], run_id="r", taken_at=datetime.now(UTC)):
        sys.stdout.write("held")
except JobError as error:
    sys.stdout.write(f"{type(error).__name__}|{error.code}|{error.subject}|{error.message}")
"""


@pytest.mark.parametrize("unwritable", ["file", "directory"])
def test_a_lock_we_may_not_write_is_a_settings_error_that_names_directory_and_right(
    request: pytest.FixtureRequest, unwritable: str
) -> None:
    # Under pytest's own folders, which are closed to the user that this test becomes, it would
    # not even be seen.
    directory = Path(tempfile.mkdtemp())
    request.addfinalizer(lambda: shutil.rmtree(directory))
    directory.chmod(0o755)
    if unwritable == "file":
        lock_path(directory, KEY).write_text("")
        lock_path(directory, KEY).chmod(0o444)
        directory.chmod(0o777)
    else:
        directory.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, str(directory), KEY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    name, code, subject, message = done.stdout.split("|")
    assert (name, code, subject) == ("SettingsError", "lock_directory", str(directory))
    assert "not writable" in message
    assert str(directory) in message


def test_a_directory_that_is_a_file_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError), file_lock(tmp_path / "file", KEY, run_id=RUN, taken_at=NOW):
        pass


def test_a_lock_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = lock_path(tmp_path, KEY)
    with file_lock(tmp_path, KEY, run_id=RUN, taken_at=NOW):
        path.rename(path.with_suffix(".old"))
        with file_lock(tmp_path, KEY, run_id=RUN, taken_at=NOW):
            assert path.exists()


def test_the_number_of_a_key_is_the_same_everywhere(database: Database) -> None:
    assert advisory_key("calendar-sync") == advisory_key("calendar-sync")
    with database.connect() as connection:
        row = connection.execute(
            "select ('x' || encode(substr(sha256(%s::bytea), 1, 8), 'hex'))::bit(64)::bigint",
            [f"tuturuuu-jobs/{KEY}".encode()],
        ).fetchone()
    assert row == (advisory_key(KEY),)


def test_both_signs_of_a_number_are_found_in_the_servers_table(database: Database) -> None:
    keys = {advisory_key(f"k{number}") > 0: f"k{number}" for number in range(20)}
    with connect(database.dsn, application_name="x") as connection:
        for key in keys.values():
            with advisory_lock(connection, key):
                assert is_held(connection, key)
            assert not is_held(connection, key)


def test_a_lock_that_somebody_released_below_us_is_reported(database: Database) -> None:
    connection = connect(database.dsn, application_name="x")
    with pytest.raises(UnavailableError) as caught, advisory_lock(connection, KEY):
        connection.execute("select pg_advisory_unlock_all()")
    assert caught.value.code == "lock_lost"
    assert connection.closed


def test_a_session_that_is_gone_needs_no_release(database: Database) -> None:
    connection = connect(database.dsn, application_name="x")
    with advisory_lock(connection, KEY):
        connection.close()


def test_waiting_leaves_the_sessions_time_limits_as_they_were(database: Database) -> None:
    query = "select current_setting('lock_timeout'), current_setting('statement_timeout')"
    with connect(database.dsn, application_name="x") as connection:
        before = connection.execute(query).fetchone()
        with advisory_lock(connection, KEY, wait_s=0.1):
            assert connection.execute(query).fetchone() == before == ("5s", "1min")


@pytest.mark.parametrize(
    ("mode", "file", "advisory"),
    [(LockMode.BOTH, True, True), (LockMode.FILE, True, False), (LockMode.ADVISORY, False, True)],
    ids=str,
)
def test_a_mode_says_which_locks_are_taken(mode: LockMode, *, file: bool, advisory: bool) -> None:
    assert (mode.uses_file, mode.uses_database) == (file, advisory)


def test_a_lock_on_a_file_that_lost_its_name_is_no_lock(tmp_path: Path) -> None:
    path, other = lock_path(tmp_path, KEY), tmp_path / "other"
    other.write_text("")
    with other.open("r+") as file:
        with pytest.raises(locks._ReplacedError):
            locks._claim(path, file.fileno(), {})
        path.write_text("")
        with pytest.raises(locks._ReplacedError):
            locks._claim(path, file.fileno(), {})
    assert path.read_text() == ""
