"""Children as processes, on real clocks, against an emulator that counts as Google does."""

from __future__ import annotations

import dataclasses
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.fixtures import preloaded
from tests.fixtures.postgres import Database
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.run import Runtime, run_job
from tuturuuu_jobs.sync.google import GoogleClient
from tuturuuu_jobs.sync.job import SyncJob
from tuturuuu_jobs.sync.model import SyncPayload
from tuturuuu_jobs.sync.quota import Quotas
from tuturuuu_jobs.testing.emulator import Account, Emulator, Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

ADA, CALENDAR, PAGES = "ada@example.test", "team@example.test", 40


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What one child is to do."""

    dsn: str
    state_dir: Path
    ws_id: UUID
    google: GoogleClient


def work(order: Order) -> None:
    clock, rng = SystemClock(), random.SystemRandom()
    runtime = Runtime(
        connect=lambda name: connect(order.dsn, application_name=name),
        state_dir=order.state_dir,
        lock_mode=LockMode.BOTH,
        clock=clock,
        rng=rng,
        new_id=lambda: new_run_id(clock, rng),
        identity=read_identity(),
    )
    request = RunRequest(attempts=1)
    result = run_job(SyncJob(order.google), SyncPayload(order.ws_id), request, runtime)
    sys.exit(result.exit_code)


def connected(database: Database, google: Account) -> UUID:
    """A workspace of its own in which the account and its calendar are connected."""
    with database.connect() as connection:
        user_id = seed.create_user(connection)
        ws_id = seed.create_workspace(connection, user_id)
        row = seed.create_account(
            connection,
            ws_id,
            user_id,
            access_token=google.access_token,
            refresh_token=google.refresh_token,
            email=ADA,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        seed.create_connection(connection, ws_id, row, CALENDAR)
    return ws_id


@pytest.mark.soak
def test_two_processes_list_one_account_at_full_speed_and_google_refuses_nothing(
    database: Database, tmp_path: Path
) -> None:
    with Emulator(clock=lambda: datetime.now(UTC)) as emulator:
        google = emulator.add_account(ADA)
        emulator.add_calendar(CALENDAR, owner=ADA)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        start = {"dateTime": tomorrow.isoformat()}
        end = {"dateTime": (tomorrow + timedelta(hours=1)).isoformat()}
        for number in range(PAGES):
            body = {"id": f"event{number:03}", "start": start, "end": end}
            emulator.put_event(CALENDAR, body)
        emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=1))
        emulator.add_fault(Fault(kind=FaultKind.QUOTA, size=60, error="403 userRateLimitExceeded"))
        client = GoogleClient(
            google.client_id,
            google.client_secret,
            emulator.base_url,
            emulator.token_url,
            quotas=Quotas(10_000, 60),
        )
        begun = time.monotonic()
        children = [
            preloaded.context().Process(
                target=work,
                args=(Order(database.dsn, tmp_path, connected(database, google), client),),
                daemon=True,
            )
            for _ in range(2)
        ]
        for child in children:
            child.start()
        for child in children:
            child.join(600)
        taken = time.monotonic() - begun
        sent = emulator.requests
    assert [child.exitcode for child in children] == [0, 0]
    assert {request.status for request in sent} == {200}
    assert len(sent) >= 2 * PAGES
    # Below the limit, but not far below: three quarters of 60 a minute.
    assert taken <= len(sent) / 0.75
