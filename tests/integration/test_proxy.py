"""Faults between a client and its database, at exact moments."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.testing.proxy import FaultProxy


@pytest.fixture
def proxy(bare_database: Database) -> Iterator[FaultProxy]:
    with bare_database.connect() as connection:
        connection.execute("create table marks (mark text)")
    with FaultProxy.before(bare_database.tcp_dsn) as made:
        yield made


def marks(database: Database) -> list[str]:
    with database.connect() as connection:
        return [row[0] for row in connection.execute("select mark from marks order by mark")]


def write_mark(dsn: str, mark: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("insert into marks values (%s)", (mark,))


def test_traffic_passes_and_connections_are_counted(
    proxy: FaultProxy, bare_database: Database
) -> None:
    dsn = proxy.dsn(bare_database.tcp_dsn)
    write_mark(dsn, "a")
    write_mark(dsn, "b" * 300_000)
    assert marks(bare_database) == ["a", "b" * 300_000]
    assert proxy.connections == 2


def test_a_cut_connection_is_lost_and_a_new_one_works(
    proxy: FaultProxy, bare_database: Database
) -> None:
    dsn = proxy.dsn(bare_database.tcp_dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert proxy.open_connections == 1
        assert proxy.cut() == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    write_mark(dsn, "after")
    assert marks(bare_database) == ["after"]


def test_new_connections_are_refused_until_resumed_and_open_ones_go_on(
    proxy: FaultProxy, bare_database: Database
) -> None:
    dsn = proxy.dsn(bare_database.tcp_dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        proxy.refuse()
        with pytest.raises(psycopg.OperationalError, match="refused"):
            psycopg.connect(dsn)
        connection.execute("select 1")
    proxy.resume()
    write_mark(dsn, "welcome")
    assert marks(bare_database) == ["welcome"]


def test_a_stalled_statement_ends_when_traffic_resumes(
    proxy: FaultProxy, bare_database: Database
) -> None:
    with psycopg.connect(proxy.dsn(bare_database.tcp_dsn), autocommit=True) as connection:
        proxy.stall()
        done = threading.Event()

        def write() -> None:
            connection.execute("insert into marks values ('late')")
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(0.05)
        assert marks(bare_database) == []
        proxy.resume()
        writer.join(10)
    assert done.is_set()
    assert marks(bare_database) == ["late"]


def test_a_stalled_connection_can_be_cut(proxy: FaultProxy, bare_database: Database) -> None:
    with psycopg.connect(proxy.dsn(bare_database.tcp_dsn), autocommit=True) as connection:
        proxy.stall()
        threading.Timer(0.05, proxy.cut).start()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")


def test_delayed_traffic_arrives(proxy: FaultProxy, bare_database: Database) -> None:
    proxy.delay(0.01)
    write_mark(proxy.dsn(bare_database.tcp_dsn), "slow")
    assert marks(bare_database) == ["slow"]


@pytest.mark.parametrize(
    ("cut", "stored"),
    [
        pytest.param("cut_before", [], id="before the server sees it"),
        pytest.param("cut_after", ["torn"], id="after the server has done it"),
    ],
)
def test_a_commit_is_cut_on_the_chosen_side_of_its_effect(
    cut: str, stored: list[str], proxy: FaultProxy, bare_database: Database
) -> None:
    sprung: threading.Event = getattr(proxy, cut)(b"COMMIT")
    with pytest.raises(psycopg.OperationalError):
        write_mark(proxy.dsn(bare_database.tcp_dsn), "torn")
    assert sprung.wait(10)
    assert marks(bare_database) == stored
    write_mark(proxy.dsn(bare_database.tcp_dsn), "whole")
    assert marks(bare_database) == [*stored, "whole"]


def test_occurrences_can_be_let_through_first(proxy: FaultProxy, bare_database: Database) -> None:
    dsn = proxy.dsn(bare_database.tcp_dsn)
    sprung = proxy.cut_before(b"COMMIT", skip=2)
    write_mark(dsn, "1")
    write_mark(dsn, "2")
    assert not sprung.is_set()
    with pytest.raises(psycopg.OperationalError):
        write_mark(dsn, "3")
    assert marks(bare_database) == ["1", "2"]


def test_a_server_that_is_gone_looks_gone_through_the_proxy() -> None:
    with (
        FaultProxy("127.0.0.1", 1) as proxy,
        pytest.raises(psycopg.OperationalError),
    ):
        psycopg.connect(f"host=127.0.0.1 port={proxy.port} user=postgres")
