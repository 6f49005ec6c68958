"""Whatever happens while a client pages, the pages and the next delta together are the truth."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.emulator.proof import ME, items, pages, timed, weekly
from tuturuuu_jobs.testing.emulator import Account, Emulator
from tuturuuu_jobs.testing.emulator.api_errors import ApiError

NAMES = ("a", "b", "c", "d", "s")
STEP = st.tuples(st.sampled_from(["put", "patch", "delete", "cancel"]), st.sampled_from(NAMES))
PLANS = st.lists(st.lists(STEP, max_size=3), max_size=6)


def _step(emulator: Emulator, action: str, name: str, number: int) -> None:
    try:
        match action:
            case "put" if name == "s":
                emulator.put_event(ME, weekly("s", f"RRULE:FREQ=WEEKLY;COUNT={2 + number % 4}"))
            case "put":
                emulator.put_event(ME, timed(name, summary=f"{name} {number}"))
            case "patch":
                emulator.patch_event(ME, name, {"summary": f"patched {number}"})
            case "delete":
                emulator.delete_event(ME, name)
            case _:
                emulator.cancel_instance(ME, "s_20261208T080000Z")
    except ApiError:
        return


def _apply(rows: dict[str, Any], found: list[dict[str, Any]]) -> None:
    for item in found:
        if item["status"] == "cancelled":
            rows.pop(item["id"], None)
        else:
            rows[item["id"]] = item["summary"]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("single", [False, True])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=st.lists(STEP, max_size=6), between=PLANS, after=st.lists(STEP, max_size=4))
def test_a_change_during_paging_is_in_the_next_delta(
    emulator: Emulator,
    google_service: Callable[[Account], Any],
    *,
    live: bool,
    single: bool,
    before: list[tuple[str, str]],
    between: list[list[tuple[str, str]]],
    after: list[tuple[str, str]],
) -> None:
    account = emulator.add_account(ME)
    emulator.add_calendar(ME, owner=ME)
    emulator.switches.live_pages = live
    service = google_service(account)
    numbers = iter(range(1000))
    for action, name in before:
        _step(emulator, action, name, next(numbers))
    rows: dict[str, Any] = {}
    plans = iter(between)
    events = service.events()
    request = events.list(calendarId="primary", singleEvents=single, maxResults=2)
    sync_token = ""
    while request is not None:
        page = request.execute()
        _apply(rows, page["items"])
        sync_token = page.get("nextSyncToken", sync_token)
        for action, name in next(plans, []):
            _step(emulator, action, name, next(numbers))
        request = events.list_next(request, page)
    for action, name in after:
        _step(emulator, action, name, next(numbers))
    _apply(rows, items(service, singleEvents=single, maxResults=2, syncToken=sync_token))
    truth: dict[str, Any] = {}
    _apply(truth, items(service, singleEvents=single))
    assert rows == truth


def test_clients_in_many_threads_see_the_truth_while_somebody_writes(
    emulator: Emulator, google_service: Callable[[Account], Any]
) -> None:
    emulator.put_events(emulator.add_account(ME).email, [timed(f"e{n:03d}") for n in range(60)])
    services = [google_service(emulator.account(ME)) for _ in range(6)]
    begun = threading.Barrier(len(services) + 1)

    def read(service: Any) -> tuple[dict[str, Any], str]:
        rows: dict[str, Any] = {}
        begun.wait()
        answers = pages(service, maxResults=7)
        for page in answers:
            _apply(rows, page["items"])
        return rows, answers[-1]["nextSyncToken"]

    with ThreadPoolExecutor(len(services)) as pool:
        readers = [pool.submit(read, service) for service in services]
        begun.wait()
        for number in range(60):
            emulator.patch_event(ME, f"e{number:03d}", {"summary": "written meanwhile"})
        results = [reader.result() for reader in readers]
    truth = {item["id"]: item["summary"] for item in items(services[0])}
    for rows, sync_token in results:
        _apply(rows, items(services[0], maxResults=7, syncToken=sync_token))
        assert rows == truth
