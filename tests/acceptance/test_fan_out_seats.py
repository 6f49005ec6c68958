"""More contenders than places: on one fan-out's key, and on the seats of the children's queue."""

from __future__ import annotations

import threading
from collections import Counter
from subprocess import CompletedProcess

from tests.acceptance import forked
from tests.acceptance.command import document
from tests.acceptance.fleet import Fleet, build, check_honest, check_nothing_left
from tests.acceptance.processes import wait_until
from tests.fixtures.scene import Scene
from tuturuuu_jobs.runtime.locks import advisory_key, seat_key
from tuturuuu_jobs.testing.emulator import Fault, FaultKind

SEATS, CONTENDERS, CROWD = 5, 7, 20


class Desk:
    """Google answers nobody until the door opens, and knows how many wait.

    Attributes:
        most: Of those who waited at once.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.waiting = self.most = 0
        self.door = threading.Event()
        self._changed = threading.Condition()
        fleet.scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=self._wait))

    def _wait(self) -> None:
        with self._changed:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            self._changed.notify_all()
        # Open, it still lets the others come while one is inside.
        self.door.wait(60)
        with self._changed:
            self._changed.wait(0.05)
            self.waiting -= 1

    def await_waiting(self, number: int) -> bool:
        """Whether so many come to wait."""
        with self._changed:
            return self._changed.wait_for(lambda: self.waiting >= number, 60)


def held(fleet: Fleet, *keys: str) -> int:
    """How many of these locks somebody holds in the database."""
    numbers = {advisory_key(key) for key in keys}
    rows = fleet.ask(
        "select (classid::bigint << 32) | objid::bigint from pg_locks "
        "where locktype = 'advisory' and objsubid = 1 and granted"
    )
    return len(numbers & {number for (number,) in rows})


def keys(fleet: Fleet) -> list[str]:
    return [f"google-calendar-sync-{ws_id}" for ws_id in fleet.calendars]


def test_of_seven_children_of_all_kinds_five_work_at_any_moment_and_nobody_starves(
    empty_scene: Scene,
) -> None:
    fleet = build(empty_scene, CONTENDERS)
    fleet.scene.connection.execute("update jobs.queues set total_limit = %s", (SEATS,))
    google = Desk(fleet)
    ids = [str(ws_id) for ws_id in fleet.calendars]
    fan_outs = (
        ("orchestrate", "sync", *_named(ids[:3])),
        ("orchestrate", "full-sync", *_named(ids[3:6])),
        ("sync", "--ws", ids[6]),
    )
    at_work = [forked.start(*line, "--json", **fleet.environ) for line in fan_outs]
    assert google.await_waiting(SEATS)
    # The other two hold their keys and look for a seat.
    assert wait_until(lambda: held(fleet, *keys(fleet)) == CONTENDERS)
    seats = [seat_key("calendar-sync", number) for number in range(CONTENDERS)]
    assert held(fleet, *seats) == google.waiting == SEATS
    google.door.set()
    ended = [one.end() for one in at_work]

    assert [one.returncode for one in ended] == [0, 0, 0], ended
    assert google.most == SEATS
    assert fleet.unsynced() == set()
    assert Counter(fleet.runs().values()) == {"succeeded": CONTENDERS + 2}
    check_nothing_left(fleet)


def _named(ids: list[str]) -> list[str]:
    return [word for ws_id in ids for word in ("--ws", ws_id)]


def test_of_twenty_fan_outs_of_one_job_one_works_and_nineteen_are_busy(empty_scene: Scene) -> None:
    fleet = build(empty_scene, 1)
    google = Desk(fleet)
    line = ("orchestrate", "sync", "--json")
    crowd = [forked.start(*line, **fleet.environ) for _ in range(CROWD)]
    assert google.await_waiting(1)
    ended: list[CompletedProcess[str]] = []
    everybody = threading.Thread(target=lambda: ended.extend(one.end() for one in crowd))
    everybody.start()
    assert wait_until(lambda: _skipped(fleet) == CROWD - 1, 60)
    google.door.set()
    everybody.join()

    results = [check_honest(fleet, one) for one in ended]
    assert Counter(one["exit_code"] for one in results) == {0: 1, 75: CROWD - 1}
    (winner,) = (one for one in results if one["exit_code"] == 0)
    holders = [one["data"].get("holder", {}).get("run_id") for one in results if one is not winner]
    assert set(holders) <= {winner["run_id"], None}
    assert {one.stderr for one in ended} == {""}
    assert fleet.unsynced() == set()
    check_nothing_left(fleet)


def _skipped(fleet: Fleet) -> int:
    return Counter(fleet.runs().values())["skipped"]


def test_two_fan_outs_that_share_workspaces_never_work_on_one_together(empty_scene: Scene) -> None:
    fleet = build(empty_scene, 2)
    google = Desk(fleet)
    # Of the two locks the one whose waiters the server knows.
    environ = fleet.environ | {"TUTURUUU_JOBS_LOCKS": "advisory"}
    first = forked.start("orchestrate", "sync", "--json", **environ)
    assert google.await_waiting(2)
    # It waits for the keys where a sync would pass on.
    second = forked.start("orchestrate", "full-sync", "--json", **environ)
    assert wait_until(lambda: waiters(fleet) == ["full-sync"] * 2)
    third = forked.run("orchestrate", "sync", "--json", **environ)
    assert google.most == 2
    google.door.set()

    assert document(third)["code"] == "busy"
    results = [check_honest(fleet, one.end()) for one in (first, second)]
    assert [one["data"]["succeeded"] for one in results] == [2, 2]
    assert google.most == 2
    check_nothing_left(fleet)


def waiters(fleet: Fleet) -> list[str]:
    """The jobs of those who wait for a lock of the database."""
    rows = fleet.ask(
        "select split_part(application_name, '/', 2) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    return [job for (job,) in rows]
