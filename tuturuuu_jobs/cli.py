"""Assembles the commands; the last place where an error can be turned into words and a code."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.exceptions import Abort, TyperException

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import (
    db,
    demo,
    doctor,
    emulator,
    enqueue,
    events,
    full_sync,
    orchestrate,
    output,
    queues,
    runs,
    schedule,
    sync,
    verify,
    worker,
)
from tuturuuu_jobs.errors import BugError, JobError, UsageError
from tuturuuu_jobs.runtime.outcome import (
    ExitCode,
    Outcome,
    exit_code,
    outcome_of,
)

app = typer.Typer(
    name="tuturuuu-jobs",
    help="Tuturuuu's background jobs, run from cron and systemd timers.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)
app.command("sync")(sync.sync)
app.command("full-sync")(full_sync.full_sync)
app.command("verify")(verify.verify)
app.command("schedule")(schedule.schedule)
app.command("enqueue")(enqueue.enqueue)
app.command("worker")(worker.worker)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(orchestrate.app, name="orchestrate")
app.add_typer(runs.app, name="runs")
app.add_typer(queues.app, name="queues")
app.add_typer(events.app, name="events")
app.add_typer(db.app, name="db")
app.add_typer(emulator.app, name="emulator")
JOBS: Final = frozenset({"sync", "full-sync", "verify", "schedule", "orchestrate"})
_NIL: Final = "00000000-0000-0000-0000-000000000000"
_LIKE_A_CHILD: Final = (
    *("--payload", "-", "--json", "--quiet", "--run-id", _NIL, "--parent-run-id", _NIL),
    *("--deadline", "1s", "--attempts", "1", "--on-busy", "skip"),
)


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tuturuuu-jobs {version('tuturuuu-jobs')}")
        raise typer.Exit


@app.callback()
def _global_options(
    *,
    config: Annotated[
        Path | None, typer.Option(metavar="PATH", help="TOML file with settings.")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where locks, results and spool live.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - the callback acts on it.
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    wiring.process.GLOBAL_OPTIONS.set(
        wiring.process.GlobalOptions(config=config, state_dir=state_dir)
    )


def main() -> NoReturn:
    """The console command."""
    _open_missing_streams()
    code = _invoke(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            output.say(output.error_line(output.unwritable_stdout(error)))
        output.give_up_stdout()
        code = code or ExitCode.FAILED
    sys.exit(code)


@functools.cache
def build_command() -> Any:
    """The parser of the whole command line."""
    return typer.main.get_command(app)


def warm_up() -> None:
    """Do what every start of a job does before its work, for a process that many are copied from.

    Parsing once fills what the parser remembers.
    """
    build_command().make_context("tuturuuu-jobs", ["sync"])
    for name in ("sync", "full-sync", "schedule"):
        build_command().commands[name].make_context(name, list(_LIKE_A_CHILD))


def _open_missing_streams() -> None:
    """A closed descriptor 0, 1 or 2 must not become a database connection that we print to."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - for good.
            setattr(sys, name, stream)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _invoke(arguments: Sequence[str]) -> int:
    try:
        code = build_command()(
            args=list(arguments), prog_name="tuturuuu-jobs", standalone_mode=False
        )
    except JobError as error:
        return _end(outcome_of(error), arguments)
    except TyperException as error:
        message = error.format_message()
        if message.startswith("Usage: "):
            # A group without a command answers with its whole help.
            output.say(message)
            return ExitCode.USAGE
        return _end(outcome_of(_usage(error)), arguments)
    except (KeyboardInterrupt, Abort):
        return ExitCode.SIGINT
    except BrokenPipeError:
        # Whoever read standard output has gone; there is nobody to tell.
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 - the last resort: nothing may end as exit code 1.
        return _end(outcome_of(_bug(error, arguments)), arguments)
    return code if isinstance(code, int) else ExitCode.SUCCESS


def _end(outcome: Outcome, arguments: Sequence[str]) -> int:
    """Say what ended the command; a job that was asked for JSON still answers with a document."""
    job = next((word for word in arguments if word in JOBS), None)
    if job and "--json" in arguments and not output.document_emitted():
        from tuturuuu_jobs.commands.refused import refused_result

        with contextlib.suppress(JobError):
            output.emit_json(refused_result(job, outcome).to_json())
    for problem in outcome.errors:
        output.say(output.problem_line(problem))
    return exit_code(outcome.kind)


def _usage(error: TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "tuturuuu-jobs"
    message = " ".join(error.format_message().split())
    for theirs, ours in _PLAINER:
        message = message.replace(theirs, ours)
    return UsageError(message.rstrip("."), hint=f"see {path} --help")


# What a library says of values, in the words of everything else here.
_PLAINER: Final = (
    ("Value error, ", ""),
    ("Input should be a valid integer, unable to parse string as an integer", "should be a number"),
    ("Input should be greater than or equal to", "should be at least"),
    ("Input should be less than or equal to", "should be at most"),
    ("Input should be", "should be"),
)


def _bug(error: Exception, arguments: Sequence[str]) -> BugError:
    """Type and place; the text of a foreign exception may hold anything and stays inside."""
    import traceback

    from tuturuuu_jobs.runtime.redact import scrub

    last = traceback.extract_tb(error.__traceback__)[-1]
    if _is_debugging(arguments):
        output.say(scrub("".join(traceback.format_exception(error))))
    return BugError(
        f"unexpected {type(error).__name__} at {Path(last.filename).name}:{last.lineno}",
        hint="this is a bug of tuturuuu-jobs; -vv shows where it happened",
    )


def _is_debugging(arguments: Sequence[str]) -> bool:
    verbose = sum(word.count("v") for word in arguments if word in {"-v", "-vv", "-vvv"})
    return verbose > 1 or os.environ.get("TUTURUUU_JOBS_LOG_LEVEL", "").lower() == "debug"
