"""``enqueue``, and a worker: how work is asked for, handed on and settled."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from typing_extensions import override

from tests.acceptance.fleet import Fleet, build
from tests.fixtures.postgres import Database
from tests.fixtures.scene import Scene
from tests.killing.of_fan_out import FanOutWard
from tests.killing.ward import Ward
from tests.killing.watching import Wires
from tuturuuu_jobs.fleet import engine, requests
from tuturuuu_jobs.runtime.outcome import ExitCode

ASKED_FOR = "jobs.requests", "jobs_queue.procrastinate_jobs", "jobs.runs"


class EnqueueWard(Ward):
    """Two workspaces have work; nobody has asked for it so far."""

    cut_codes = frozenset({ExitCode.SUCCESS, ExitCode.UNAVAILABLE})

    def __init__(self, database: Database, state_dir: Path, wires: Wires, scene: Scene) -> None:
        super().__init__(database, state_dir, wires)
        self._fleet: Fleet = build(scene, 2)
        self.environ = self._fleet.environ | self.environ
        key = ("--idempotency-key", "once")
        self.words = self.again = ("enqueue", "sync", "--all", *key, "--json")

    @override
    def close(self) -> None:
        self._fleet.scene.connection.close()
        super().close()

    @override
    def check_whole(self) -> None:
        """All of them are asked for, or none; and what is asked for waits."""
        asked = {row[0] for row in self.ask("select id from jobs.requests")}
        waits = self.ask("select (args ->> 'request')::uuid from jobs_queue.procrastinate_jobs")
        assert len(asked) in {0, len(self._fleet.calendars)}
        assert sorted(row[0] for row in waits) == sorted(asked)

    @override
    def check_true(self) -> None:
        asked = self.ask("select ws_id, state from jobs.requests order by ws_id")
        assert asked == [(ws_id, "queued") for ws_id in sorted(self._fleet.calendars)]
        self.check_whole()

    @override
    def written(self) -> Any:
        return self.lying(*ASKED_FOR)


class DispatchWard(EnqueueWard):
    """The same, asked for by a fan-out."""

    def __init__(self, database: Database, state_dir: Path, wires: Wires, scene: Scene) -> None:
        super().__init__(database, state_dir, wires, scene)
        self.words = self.again = ("orchestrate", "sync", "--via", "queue", "--json")

    @override
    def written(self) -> Any:
        return self.lying("jobs.requests", "jobs_queue.procrastinate_jobs")


class PutBackWard(EnqueueWard):
    """What was asked for has failed for good."""

    def __init__(self, database: Database, state_dir: Path, wires: Wires, scene: Scene) -> None:
        super().__init__(database, state_dir, wires, scene)
        self.words = self.again = ("runs", "retry", "--exhausted", "--json")
        with database.connect() as connection:
            for ws_id in self._fleet.calendars:
                requests.enqueue(connection, requests.Wish("sync", {"ws_id": str(ws_id)}))
            connection.execute(
                "update jobs.requests set state = 'done', status = 'crashed', code = 'killed',"
                " delivery = 1, finished_at = now()"
            )
            connection.execute("set search_path = jobs_queue, public")
            connection.execute("delete from procrastinate_jobs")

    @override
    def check_whole(self) -> None:
        """All of them are put back, or none; and what is put back waits."""
        back = {row[0] for row in self.ask("select id from jobs.requests where state = 'queued'")}
        waits = self.ask("select (args ->> 'request')::uuid from jobs_queue.procrastinate_jobs")
        assert len(back) in {0, len(self._fleet.calendars)}
        assert sorted(row[0] for row in waits) == sorted(back)

    @override
    def check_true(self) -> None:
        """Each was put back once and names what it repeats."""
        back = self.ask("select ws_id, replay_of from jobs.requests where state = 'queued'")
        failed = self.ask("select ws_id, id from jobs.requests where state = 'done'")
        assert sorted(back) == sorted(failed)
        self.check_whole()


class DrainWard(FanOutWard):
    """One workspace, whose work another worker had in hand when it died."""

    cut_codes = frozenset({ExitCode.SUCCESS, ExitCode.UNAVAILABLE})
    workspaces = 1

    def __init__(self, database: Database, state_dir: Path, wires: Wires, scene: Scene) -> None:
        super().__init__(database, state_dir, wires, scene)
        # At its width a worker looks for nothing: what it asks is the same each time.
        options = ("--concurrency", "1", "--launcher", "exec")
        self.words = self.again = ("worker", "--drain", *options, "--json")
        with database.connect() as connection:
            engine.prepare(connection)
            for ws_id in self._fleet.calendars:
                requests.enqueue(connection, requests.Wish("sync", {"ws_id": str(ws_id)}))
                taken = engine.take(connection, engine.register(connection), None)
                assert taken is not None
                assert requests.claim(connection, taken, UUID(int=1), 0.0)
        self._age()

    def _age(self) -> None:
        """No worker has given a sign of life for long."""
        self.connection.execute(
            "update jobs_queue.procrastinate_workers"
            " set last_heartbeat = now() - interval '1 minute'"
        )

    @override
    def heal(self) -> None:
        self._age()
        ended = self.undisturbed(self.again)
        assert ended.returncode == ExitCode.SUCCESS, ended

    @override
    def stay_quiet(self) -> None:
        ended = self.undisturbed(self.again)
        assert (ended.returncode, ended.stderr) == (ExitCode.SUCCESS, "")

    @override
    def check_true(self) -> None:
        super().check_true()
        asked = self.ask("select state, status from jobs.requests")
        assert asked == [("done", "succeeded")] * len(self._fleet.calendars)
        assert self.ask("select from jobs_queue.procrastinate_jobs") == []
        assert self.ask("select from jobs_queue.procrastinate_workers") == []
        # It was done once, whoever else died before it was.
        assert self.ask("select count(*) from jobs.runs where status = 'succeeded'") == [(1,)]

    @override
    def written(self) -> Any:
        return super().written(), self.lying(*ASKED_FOR)
