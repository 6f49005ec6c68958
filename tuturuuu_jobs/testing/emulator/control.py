"""The control namespace: everything a test does in process, over HTTP with JSON.

``POST /_control/<command>`` takes a JSON object of arguments, ``GET /_control`` names the commands.
It is the emulator's own and has no counterpart at Google.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tuturuuu_jobs.testing.clock import VirtualClock
from tuturuuu_jobs.testing.emulator.answering import CONTROL_PREFIX
from tuturuuu_jobs.testing.emulator.api_errors import ApiError
from tuturuuu_jobs.testing.emulator.faults import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.messages import Request, Response, json_response, refused
from tuturuuu_jobs.testing.emulator.moments import parse_instant, render_updated

if TYPE_CHECKING:
    from tuturuuu_jobs.testing.emulator.server import Emulator


def _add_account(emulator: Emulator, **arguments: Any) -> Any:
    """Open an account; answers its tokens."""
    account = emulator.add_account(**arguments)
    return {**dataclasses.asdict(account), "expires_at": render_updated(account.expires_at)}


def _split(emulator: Emulator, *, at: str, **arguments: Any) -> Any:
    """This and following; answers the new id."""
    return {"id": emulator.split_series(at=parse_instant(at), **arguments)}


def _fault(emulator: Emulator, **arguments: Any) -> Any:
    """Arm a rule: the fields of a fault, `raw` as text."""
    emulator.add_fault(parse_fault(arguments))


def _clock(emulator: Emulator, *, to: str | None = None, advance_s: float = 0.0) -> Any:
    """Move a virtual clock, to a moment or by seconds; answers the time."""
    if isinstance(emulator.clock, VirtualClock):
        if to is not None:
            emulator.clock.set(parse_instant(to))
        emulator.clock.set(emulator.clock() + timedelta(seconds=advance_s))
    elif to is not None or advance_s:
        raise ValueError("this emulator runs on the real clock")
    return {"now": render_updated(emulator.clock())}


def _switches(emulator: Emulator, **arguments: Any) -> Any:
    """Change switches; durations are seconds. Answers all of them."""
    known = {field.name for field in dataclasses.fields(emulator.switches)}
    for name, value in arguments.items():
        if name not in known:
            raise ValueError(f"unknown switch {name!r}: use one of {', '.join(sorted(known))}")
        is_span = isinstance(getattr(emulator.switches, name), timedelta)
        setattr(emulator.switches, name, timedelta(seconds=value) if is_span else value)
    return json.loads(json.dumps(dataclasses.asdict(emulator.switches), default=_seconds))


def _requests(emulator: Emulator) -> Any:
    """The request log."""
    return [dataclasses.asdict(request) for request in emulator.requests]


def _put_event(emulator: Emulator, **arguments: Any) -> Any:
    """Create or replace an event; answers its id."""
    return {"id": emulator.put_event(**arguments)}


def _put_events(emulator: Emulator, **arguments: Any) -> Any:
    """Create or replace many events; answers their ids."""
    return {"ids": emulator.put_events(**arguments)}


def _masters(emulator: Emulator, **arguments: Any) -> Any:
    """Everything that a calendar stores."""
    return emulator.masters(**arguments)


def _plain(name: str, meaning: str) -> Callable[..., Any]:
    def command(emulator: Emulator, **arguments: Any) -> Any:
        return getattr(emulator, name)(**arguments)

    command.__doc__ = meaning
    return command


COMMANDS: Final[Mapping[str, Callable[..., Any]]] = {
    "add-account": _add_account,
    "revoke": _plain("revoke", "Take back an account's grant."),
    "expire-access-tokens": _plain("expire_access_tokens", "End an account's access tokens."),
    "add-calendar": _plain("add_calendar", "Make a calendar."),
    "share": _plain("share", "Give an account a role on a calendar."),
    "remove-calendar": _plain("remove_calendar", "Delete a calendar."),
    "put-event": _put_event,
    "put-events": _put_events,
    "patch-event": _plain("patch_event", "Change fields of an event, series or instance."),
    "delete-event": _plain("delete_event", "Delete an event, series or instance."),
    "cancel-instance": _plain("cancel_instance", "Take one occurrence out of a series."),
    "move-instance": _plain("move_instance", "Give one occurrence other times."),
    "split-series": _split,
    "move-event": _plain("move_event", "Move an event to another calendar."),
    "masters": _masters,
    "invalidate-sync-tokens": _plain("invalidate_sync_tokens", "410 for a calendar's tokens."),
    "expire-page-tokens": _plain("expire_page_tokens", "400 for every page token so far."),
    "script": _plain("script", "Answer a calendar's listings with given answers."),
    "add-fault": _fault,
    "clear-faults": _plain("clear_faults", "Disarm every rule."),
    "switches": _switches,
    "clock": _clock,
    "requests": _requests,
    "clear-requests": _plain("clear_requests", "Forget the requests so far."),
}
"""Every command by name."""


def parse_fault(fields: Mapping[str, Any]) -> Fault:
    """A rule from JSON; ValueError or TypeError if it is none."""
    values = dict(fields)
    values["kind"] = FaultKind(values.get("kind", ""))
    if "raw" in values:
        values["raw"] = str(values["raw"]).encode("latin-1")
    if "control" in values:
        name, arguments = values["control"]
        values["control"] = (name, dict(arguments))
    return Fault(**values)


def run(emulator: Emulator, name: str, arguments: Mapping[str, Any]) -> Any:
    """Run one command in process; ValueError if there is none of that name."""
    command = COMMANDS.get(name)
    if command is None:
        raise ValueError(f"unknown command {name!r}: use one of {', '.join(COMMANDS)}")
    return command(emulator, **arguments)


def answer(emulator: Emulator, request: Request) -> Response:
    """Answer a request of the namespace: 200 with the command's answer, or 400 with one line."""
    name = request.path.removeprefix(CONTROL_PREFIX).strip("/")
    if not name:
        return json_response({key: command.__doc__ for key, command in COMMANDS.items()})
    try:
        arguments = json.loads(request.body) if request.body else {}
        return json_response(run(emulator, name, arguments))
    except ApiError as error:
        return refused(error)
    except (KeyError, TypeError, ValueError) as error:
        return json_response({"error": str(error)}, status=400)


def _seconds(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return render_updated(value)
    raise TypeError(f"cannot show {type(value).__name__}")
