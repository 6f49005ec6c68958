"""`tuturuuu-jobs demo`: the whole product on this machine, in half a minute, and checked."""

from __future__ import annotations

import importlib.util
import signal
import tempfile
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuturuuu_jobs.commands import output
from tuturuuu_jobs.errors import FailedError, SettingsError, UsageError
from tuturuuu_jobs.runtime.outcome import ExitCode

if TYPE_CHECKING:
    from tuturuuu_jobs.testing.demo.screen import Screen
    from tuturuuu_jobs.testing.demo.stage import Stage
    from tuturuuu_jobs.testing.demo.story import Story


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave Postgres and the emulator running afterwards.")
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="With --keep: a shell file with every setting."),
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="End what --keep left running, and remove all of it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Try everything on this machine: a throw-away database and Google, synced and checked.

    Nothing outside is touched. It ends with 0 only if every row is what it should be.
    """
    if stop and (keep or env_file):
        raise UsageError("--stop goes without other options")
    if keep != (env_file is not None):
        raise UsageError("--keep and --env-file go together")
    _require_extra()
    signal.signal(signal.SIGTERM, _end)
    if as_json:
        output.reserve_stdout()
    if stop:
        _stop(as_json=as_json)
    elif env_file is not None:
        _play_and_keep(env_file, as_json=as_json)
    else:
        _play(as_json=as_json)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(ExitCode.SIGTERM)


def _require_extra() -> None:
    if importlib.util.find_spec("dateutil") is None:
        raise SettingsError(
            "the demo needs packages that are not installed",
            hint="install the extra: pip install 'tuturuuu-jobs[demo]'",
        )


def _play(*, as_json: bool) -> None:
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.testing.demo.stage import Stage

    clock = SystemClock()
    began = clock.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="tuturuuu-jobs-demo-") as folder,
        Stage(Path(folder), clock, detached=False) as stage,
    ):
        story, screen = _tell(stage, as_json=as_json)
    _finish(story, screen, {"duration_s": clock.monotonic() - began}, as_json=as_json)


def _play_and_keep(env_file: Path, *, as_json: bool) -> None:
    from tuturuuu_jobs import wiring
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.testing.demo import keep
    from tuturuuu_jobs.testing.demo.stage import Stage

    clock = SystemClock()
    began = clock.monotonic()
    env_file = keep.check_env_file(env_file)
    state_dir = wiring.process.load_settings().state_dir
    kept = keep.find_kept(state_dir)
    if kept is not None:
        if keep.is_running(kept):
            raise UsageError(
                f"a demo is running already; its settings are in {kept.env_file}",
                hint="end it with tuturuuu-jobs demo --stop",
            )
        keep.stop(kept, clock.sleep)
    folder = keep.folder_below(state_dir)
    made = keep.make_folder(folder)
    try:
        with Stage(folder, clock, detached=True) as stage:
            keep.keep(stage, env_file, made)
            story, screen = _tell(stage, as_json=as_json)
            control = {"DEMO_GOOGLE_CONTROL_URL": stage.google.control_url}
            names = {w.variable: str(w.ws_id) for w in stage.world.workspaces}
            keep.write_env_file(env_file, {**stage.settings, **control, **names})
            stage.leave()
    except BaseException:
        keep.remove_folder(folder, made)
        raise
    _explain(screen, env_file)
    facts = {"duration_s": clock.monotonic() - began, "env_file": str(env_file)}
    _finish(story, screen, facts, as_json=as_json)


def _tell(stage: Stage, *, as_json: bool) -> tuple[Story, Screen]:
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.testing.demo.runs import Commands
    from tuturuuu_jobs.testing.demo.screen import Silence, open_screen
    from tuturuuu_jobs.testing.demo.story import Story

    screen = Silence() if as_json else open_screen()
    commands = Commands(stage.settings)
    story = Story(stage.world, stage.google, stage.connection, commands, screen, SystemClock())
    story.tell()
    return story, screen


def _explain(screen: Screen, env_file: Path) -> None:
    screen.title("Everything is left running; go on by hand")
    screen.line(f". {env_file}")
    screen.line("tuturuuu-jobs sync --ws $WS_PERSONAL")
    screen.line("tuturuuu-jobs runs list")
    screen.line("curl $DEMO_GOOGLE_CONTROL_URL                # what can be done at Google")
    screen.line("tuturuuu-jobs demo --stop                    # and nothing is left")


def _finish(story: Story, screen: Screen, facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.emit_json(story.to_json() | facts)
    screen.title(f"Done in {facts['duration_s']:.0f} s")
    for problem in story.problems:
        output.say(output.printable(f"tuturuuu-jobs: error: {problem}"))
    if story.problems:
        output.fail(FailedError(f"{len(story.problems)} thing(s) are not as they should be"))


def _stop(*, as_json: bool) -> None:
    from tuturuuu_jobs import wiring
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.testing.demo import keep

    kept = keep.find_kept(wiring.process.load_settings().state_dir)
    removed = keep.stop(kept, SystemClock().sleep) if kept else []
    if as_json:
        output.emit_json({"stopped": kept is not None, "removed": [str(p) for p in removed]})
    elif kept is None:
        output.print_lines(["no demo is running"])
    else:
        output.print_lines(
            ["Postgres and the emulator have ended", *(f"removed {path}" for path in removed)]
        )
