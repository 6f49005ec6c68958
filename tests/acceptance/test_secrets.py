"""No secret and no private text leaves the program: any command, any fault, any verbosity.

Commands and faults are enumerated from the program, so that a new one is looked at too.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
import threading
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.acceptance import forked
from tests.acceptance.canaries import EMAIL, SECRETS, Aviary, release
from tests.acceptance.command import COMMAND
from tests.docs.reference_page import commands
from tests.fixtures.scene import Scene
from tests.integration.scheduling.app_stand_in import Answered, StandIn
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.api_errors import ErrorSpec, Shape
from tuturuuu_jobs.testing.emulator.catalogue import examples

# Too short for a second try: what is refused ends the run at once.
HURRY: Final = ("--deadline", "5s", "--attempts", "1")

VOICES: Final[dict[str, tuple[tuple[str, ...], dict[str, str]]]] = {
    "plain": ((), {}),
    "json": (("--json",), {}),
    "-v": (("-v",), {}),
    "-vv": (("-vv", "--json"), {}),
    "debug log in JSON": (
        (),
        {"TUTURUUU_JOBS_LOG_LEVEL": "debug", "TUTURUUU_JOBS_LOG_FORMAT": "json"},
    ),
    "rehearsal": (("--dry-run", "-vv"), {}),
    "rehearsal in JSON": (("--dry-run", "-vv", "--json"), {}),
}

GOSSIP: Final = f"{EMAIL} may not see {SECRETS['title']} with {SECRETS['access token']}"
GOSSIPS: Final[dict[str, Fault]] = {
    f"gossip {shape} {endpoint}": Fault(
        kind=FaultKind.ERROR,
        error=ErrorSpec(400, GOSSIP, GOSSIP, location=GOSSIP, shape=shape, detail=GOSSIP),
        endpoint=endpoint,
    )
    for shape in Shape
    for endpoint in ("events.list", "token")
} | {
    f"gossip {status} in raw bytes": Fault(
        kind=FaultKind.RAW,
        raw=f"HTTP/1.1 {status} {GOSSIP}\r\nX-Told: {GOSSIP}\r\nRetry-After: {GOSSIP}\r\n"
        f"Content-Length: {len(GOSSIP)}\r\n\r\n{GOSSIP}".encode(),
    )
    for status in (200, 400, 403, 503)
}
FAULTS: Final = {example.name: example.fault for example in examples()} | GOSSIPS
# One of each kind, and what is most talkative.
SAMPLE: Final = sorted(
    {*{fault.kind: name for name, fault in FAULTS.items()}.values(), *GOSSIPS.keys()}
)

BREAKAGES: Final[dict[str, str]] = {
    "a title that a constraint refuses": (
        "alter table workspace_calendar_events add constraint mute check (title = '')"
    ),
    "a token that a constraint refuses": (
        "alter table calendar_auth_tokens add constraint mute check (access_token = '') not valid"
    ),
    "a trigger that shouts": """
        create function shout() returns trigger language plpgsql as $$
        begin raise exception 'no % by %', new.title, new.description
            using detail = new.location, hint = new.title; end $$;
        create trigger shout before insert on workspace_calendar_events
            for each row execute function shout()
        """,
    "a trigger that warns": """
        create function warn() returns trigger language plpgsql as $$
        begin raise warning 'no % by %', new.title, new.description; return new; end $$;
        create trigger warn before insert on workspace_calendar_events
            for each row execute function warn()
        """,
    "a column of another type": f"""
        alter table calendar_auth_tokens
            alter column expires_at type text using '{SECRETS["title"]}'
        """,
    "a ledger without its events": "drop table jobs.events cascade",
}

COMMANDS: Final = dict(commands())
# Commands that are not simply called: they would serve, or work for half a minute.
CALLED: Final[dict[str, list[str]]] = {
    "tuturuuu-jobs": ["--version"],
    # It knows its own throw-away database only.
    "tuturuuu-jobs demo": ["demo", "--keep"],
    # It would follow for ever.
    "tuturuuu-jobs runs tail": ["runs", "tail", "--for", "1s"],
    "tuturuuu-jobs events tail": ["events", "tail", "--for", "1s"],
    "tuturuuu-jobs enqueue": ["enqueue", "sync", "--all"],
    # It would work for ever.
    "tuturuuu-jobs worker": ["worker", "--drain"],
    # At an address of somebody else.
    "tuturuuu-jobs emulator serve": ["emulator", "serve", "--host", "192.0.2.1"],
}
SCHEDULE: Final = "tuturuuu-jobs schedule"
# Commands whose output takes the voice of a job.
JOBS: Final = ("tuturuuu-jobs sync", "tuturuuu-jobs full-sync")


@pytest.fixture
def aviary(empty_scene: Scene) -> Aviary:
    """A workspace full of canaries."""
    return release(empty_scene)


def call(aviary: Aviary, name: str, *more: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """One command."""
    return forked.run(*line_of(aviary, name), *more, **(aviary.environ | environ))


def line_of(aviary: Aviary, name: str) -> list[str]:
    """How the command is called: on the workspace, about its last run."""
    if name in CALLED:
        return CALLED[name]
    line, command = name.split()[1:], COMMANDS[name]
    if hasattr(command, "commands"):
        return [*line, "--help"]
    options = {option for param in command.params for option in param.opts}
    if "--ws" in options:
        line += ["--ws", str(aviary.scene.ws_id)]
    if name in (*JOBS, SCHEDULE):
        line += HURRY
    if any(param.param_type_name == "argument" for param in command.params):
        run = aviary.scene.connection.execute("select max(id::text) from jobs.runs").fetchone()
        line.append(str(run[0] if run else ""))
    return line


def test_every_command_that_is_called_otherwise_exists() -> None:
    assert set(CALLED) <= set(COMMANDS)


def test_every_kind_of_fault_is_looked_at() -> None:
    assert {FAULTS[name].kind for name in SAMPLE} == set(FaultKind)


def test_the_canaries_are_found_where_they_are(aviary: Aviary, tmp_path: Path) -> None:
    for name, secret in SECRETS.items():
        ended = subprocess.CompletedProcess([], 0, f"<{secret}>", "")
        assert f"{name} in standard output of 0" in aviary.found([ended], tmp_path)
    (tmp_path / "note").write_text(SECRETS["title"])
    assert aviary.found([], tmp_path) == [f"title in file {tmp_path / 'note'}"]


def test_no_command_tells_anything_at_any_verbosity(aviary: Aviary, tmp_path: Path) -> None:
    ended = [
        call(aviary, job, *options, **environ)
        for job, (options, environ) in itertools.product(JOBS, VOICES.values())
    ]
    assert {one.returncode for one in ended} == {0}
    assert len(aviary.scene.rows()) == 3
    for name in sorted(COMMANDS.keys() - set(JOBS)):
        ended.append(call(aviary, name))
        if "as_json" in {param.name for param in COMMANDS[name].params}:
            ended.append(call(aviary, name, "--json"))
    assert aviary.found(ended, tmp_path) == []


@pytest.mark.parametrize("voice", VOICES)
def test_a_schedule_names_habits_and_tasks_to_nobody_but_who_asks_at_a_dry_run(
    aviary: Aviary, tmp_path: Path, voice: str
) -> None:
    options, environ = VOICES[voice]
    ended = [call(aviary, SCHEDULE, *options, "--window-days", "7", **environ)]
    assert ended[0].returncode == 0

    asked = ["habit in standard output of 0", "task in standard output of 0"]
    assert aviary.found(ended, tmp_path) == (asked if voice == "rehearsal" else [])
    # The plan's own words about it stay ids, wherever they are kept.
    again = [call(aviary, SCHEDULE, *options, "--json", **environ)]
    assert aviary.found(again, tmp_path) == []


@pytest.mark.parametrize("voice", ["plain", "-vv"])
def test_no_trouble_with_the_app_makes_a_schedule_tell_anything(
    aviary: Aviary, tmp_path: Path, voice: str
) -> None:
    options, environ = VOICES[voice]
    with StandIn() as app:
        app.answers = [
            Answered(200, {"success": True, "summary": {"eventsCreated": GOSSIP}}),
            Answered(500, {"error": GOSSIP}),
            Answered(409, {"error": GOSSIP}, (("Retry-After", GOSSIP),)),
            Answered(302, {}, (("Location", f"http://127.0.0.1:1/{SECRETS['title']}"),)),
            Answered(raw=f"HTTP/1.1 200 {GOSSIP}\r\n\r\n{GOSSIP}".encode()),
        ]
        environ = environ | {"INTERNAL_WEB_API_ORIGIN": app.origin}
        routes = ("schedule", "auto-schedule")
        ended = [
            call(
                aviary,
                SCHEDULE,
                "--engine",
                "app",
                *options,
                TUTURUUU_JOBS_APP_ROUTE=route,
                **environ,
            )
            for route in (*routes, *routes, *routes)
        ]
    assert 0 not in {one.returncode for one in ended[:5]}
    assert aviary.found(ended, tmp_path) == []


@pytest.mark.parametrize("name", SAMPLE)
def test_no_fault_of_google_makes_a_run_tell_anything(
    aviary: Aviary, tmp_path: Path, name: str
) -> None:
    aviary.scene.emulator.add_fault(FAULTS[name])
    ended = [call(aviary, "tuturuuu-jobs sync", *VOICES["-vv"][0])]
    assert aviary.found(ended, tmp_path) == []


@pytest.mark.soak
@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_at_any_verbosity_makes_any_job_tell_anything(
    aviary: Aviary, tmp_path: Path, name: str, job: str, voice: str
) -> None:
    aviary.scene.emulator.add_fault(FAULTS[name])
    options, environ = VOICES[voice]
    ended = [call(aviary, job, *options, **environ), call(aviary, "tuturuuu-jobs runs list")]
    assert aviary.found(ended, tmp_path) == []


@pytest.mark.parametrize("voice", ["plain", "-vv"])
@pytest.mark.parametrize("name", BREAKAGES)
def test_no_error_of_the_database_makes_a_run_tell_anything(
    aviary: Aviary, tmp_path: Path, name: str, voice: str
) -> None:
    aviary.scene.connection.execute(BREAKAGES[name].encode())
    options, environ = VOICES[voice]
    ended = [call(aviary, job, *options, **environ) for job in JOBS]
    assert {"Traceback" in one.stderr for one in ended} <= {False, voice == "-vv"}
    assert aviary.found(ended, tmp_path) == []


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://jobs:{secret}@127.0.0.1:1/tuturuuu",
        "postgresql://jobs:{secret}@nowhere.invalid/tuturuuu",
        "postgresql://jobs:{secret}@127.0.0.1:port/tuturuuu",
        "postgresql://jobs:{secret}@[::1/tuturuuu",
        "postgresql://jobs:{secret}@127.0.0.1:6543/tuturuuu",
        "host=127.0.0.1 port=1 password={secret}",
        "host=127.0.0.1 pass={secret}",
        "{secret}",
    ],
)
def test_no_address_of_a_database_is_repeated(aviary: Aviary, tmp_path: Path, address: str) -> None:
    environ = {"DATABASE_URL": address.format(secret=SECRETS["database password"])}
    broken = Aviary(aviary.scene, aviary.environ | environ)
    options = VOICES["-vv"][0]
    ended = [call(broken, "tuturuuu-jobs sync", *options), call(broken, "tuturuuu-jobs db status")]
    assert 0 not in {one.returncode for one in ended}
    assert aviary.found(ended, tmp_path) == []


def test_nobody_sees_a_secret_in_the_list_of_processes(aviary: Aviary) -> None:
    asked, over = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        over.wait(60)

    aviary.scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=hold))
    line = [str(COMMAND), "sync", "--ws", str(aviary.scene.ws_id), "--quiet"]
    with subprocess.Popen(line, env=aviary.environ) as process:
        assert asked.wait(60)
        ours = psutil.Process(process.pid)
        shown = " ".join(
            word for one in (ours, *ours.children(recursive=True)) for word in one.cmdline()
        )
        titles = " ".join(path.read_text() for path in Path("/proc", str(ours.pid)).glob("comm"))
        process.send_signal(signal.SIGTERM)
        over.set()
    assert str(aviary.scene.ws_id) in shown
    assert [name for name, secret in SECRETS.items() if secret in shown + titles] == []
