from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.integration.emulator.proof import ME, items, timed, token, weekly
from tuturuuu_jobs.testing.emulator import Emulator
from tuturuuu_jobs.testing.emulator.control import COMMANDS


def _control(emulator: Emulator, command: str, **arguments: Any) -> Any:
    url = f"{emulator.base_url}/_control/{command}"
    with urlopen(Request(url, data=json.dumps(arguments).encode(), method="POST")) as answer:
        return json.load(answer)


def test_everything_can_be_done_over_http(emulator: Emulator, service: Any) -> None:
    _control(emulator, "add-account", email="b@example.test", time_zone="Europe/Berlin")
    _control(emulator, "add-calendar", calendar_id="second", owner=ME)
    _control(emulator, "share", calendar_id="second", email="b@example.test", role="reader")
    assert _control(emulator, "put-event", calendar_id=ME, body=timed("one")) == {"id": "one"}
    _control(emulator, "put-events", calendar_id=ME, bodies=[weekly("s"), timed("two")])
    first = token(service)
    _control(emulator, "patch-event", calendar_id=ME, event_id="one", changes={"summary": "N"})
    _control(emulator, "delete-event", calendar_id=ME, event_id="two")
    _control(emulator, "cancel-instance", calendar_id=ME, instance_id="s_20261208T080000Z")
    times = timed("x", day=3)
    _control(
        emulator,
        "move-instance",
        calendar_id=ME,
        instance_id="s_20261201T080000Z",
        start=times["start"],
        end=times["end"],
    )
    split = _control(
        emulator, "split-series", calendar_id=ME, event_id="s", at="2026-12-22T08:00:00Z"
    )
    assert split == {"id": "s_R20261222T080000"}
    _control(emulator, "move-event", calendar_id=ME, event_id="one", to_calendar="second")
    states = {item["id"]: item["status"] for item in items(service, syncToken=first)}
    assert states["one"] == states["two"] == states["s_20261208T080000Z"] == "cancelled"
    assert [body["id"] for body in _control(emulator, "masters", calendar_id="second")] == ["one"]
    assert len(_control(emulator, "requests")) == 2
    _control(emulator, "clear-requests")
    assert _control(emulator, "requests") == []


def test_faults_scripts_switches_and_the_clock_are_there_too(
    emulator: Emulator, service: Any
) -> None:
    _control(emulator, "add-fault", kind="raw", raw="HTTP/1.1 200 OK\r\n\r\n{}", times=1)
    assert service.events().list(calendarId="primary").execute() == {}
    _control(emulator, "add-fault", kind="mutate", control=["revoke", {"email": ME}])
    _control(emulator, "clear-faults")
    _control(emulator, "script", calendar_id=ME, answers=[{"status": 200, "body": {"x": 1}}])
    assert service.events().list(calendarId="primary").execute() == {"x": 1}
    _control(emulator, "script", calendar_id=ME, answers=[])
    assert _control(emulator, "switches", page_clamp=3, horizon=86400)["horizon"] == 86400
    moved = _control(emulator, "clock", to="2026-11-25T00:00:00Z", advance_s=1.5)
    assert moved == {"now": "2026-11-25T00:00:01.500Z"}
    for command in ("invalidate-sync-tokens", "remove-calendar"):
        _control(emulator, command, calendar_id=ME)
    for command in ("expire-access-tokens", "revoke"):
        _control(emulator, command, email=ME)
    _control(emulator, "expire-page-tokens")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("fly", {}),
        ("revoke", {"who": ME}),
        ("add-fault", {"kind": "teapot"}),
        ("switches", {"gravity": 1}),
        ("delete-event", {"calendar_id": "none", "event_id": "x"}),
        ("put-event", {"calendar_id": ME, "body": {"start": {"date": "soon"}}}),
    ],
)
def test_a_wrong_command_is_a_400_that_says_why(
    emulator: Emulator, service: Any, command: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(HTTPError) as caught:
        _control(emulator, command, **arguments)
    assert caught.value.code == 400
    assert json.load(caught.value)["error"]
    caught.value.close()


def test_the_namespace_names_its_commands_with_their_meaning(emulator: Emulator) -> None:
    with urlopen(f"{emulator.base_url}/_control") as answer:
        listed = json.load(answer)
    assert set(listed) == set(COMMANDS)
    assert all(listed.values())
