"""The reference page: exit codes, settings, commands, the result document, all from the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import typer
from pydantic_core import PydanticUndefined

from tests.docs.codes import codes
from tests.docs.schema_page import MEANINGS, PROBLEM_MEANINGS
from tuturuuu_jobs.cli import app
from tuturuuu_jobs.runtime.outcome import ExitCode, Kind, exit_code, status_of
from tuturuuu_jobs.settings import FIELDS, SECRETS, Settings, variable_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference.md"

EXIT_CODES: dict[ExitCode, tuple[str, str, str]] = {
    ExitCode.SUCCESS: ("done, nothing to do, or done before", "nobody", "-"),
    ExitCode.FAILED: ("a known and permanent failure", "operator", "next run"),
    ExitCode.USAGE: ("options or payload are wrong; nothing was done", "caller", "no"),
    ExitCode.PARTIAL: (
        "some calendars or workspaces failed, the others are committed",
        "operator",
        "next run",
    ),
    ExitCode.UNAVAILABLE: ("database or Google cannot serve now", "nobody", "yes"),
    ExitCode.BUG: ("a broken promise inside the program", "developer", "no"),
    ExitCode.BUSY: ("another run holds the concurrency key", "nobody", "next run"),
    ExitCode.REJECTED: ("access is refused: reconnect or share again", "a person", "no"),
    ExitCode.CONFIG: ("a setting is missing or wrong", "operator", "no"),
    ExitCode.DEADLINE: ("the run's own deadline is spent", "look", "next run"),
    ExitCode.SIGINT: ("interrupted by Ctrl-C or cancelled; recorded", "nobody", "yes"),
    ExitCode.SIGTERM: ("ended by SIGTERM; recorded", "nobody", "yes"),
}
OTHER_VARIABLES: dict[str, str] = {
    "TUTURUUU_JOBS_CONFIG": "TOML file with settings, like `--config`.",
    "CREDENTIALS_DIRECTORY": "Set by systemd for `LoadCredential=`; secrets are looked for there.",
    "STATE_DIRECTORY": "Set by systemd for `StateDirectory=`; the first of the list is used.",
    "XDG_STATE_HOME": "The state directory is `tuturuuu-jobs` below it, if nothing else is set.",
    "INVOCATION_ID": "Set by systemd; noted on each run.",
}

HEAD = """\
<!-- Written by `make docs`; edit the program or tests/docs/reference_page.py instead. -->
# Reference

"""
SETTINGS_HEAD = """\
## Settings

One setting is looked for in this order: command line, environment variable, the file that
`NAME_FILE` names, a file in systemd's credentials directory (`database-url` or `DATABASE_URL`), the
TOML file named by `--config` or `TUTURUUU_JOBS_CONFIG`. An empty variable counts as not set. In the
TOML file a secret may also be given as `<key>_file`. No message shows the value of a setting.

Without `state_dir` the state directory is `$STATE_DIRECTORY` (systemd), else
`$XDG_STATE_HOME/tuturuuu-jobs`, else `.local/state/tuturuuu-jobs` in the home directory that the
password database names.

"""
PAYLOAD = """\
## Payload

`--payload -` reads one JSON object from standard input. Fields may be written in snake_case or
camelCase; an option wins over the same field. Unknown fields are kept out and named in a warning.
A wrong type is a usage error that names the field. Tokens do not travel in payloads: the run reads
the workspace's stored accounts.

```json
{"ws_id": "00000000-0000-0000-0000-000000000000", "calendars": ["team@example.org"]}
```

`full-sync` also reads `past`, `future` (durations such as `"90d"`) and `allow_mass_delete`;
`schedule` reads `window_days` (brought into 7 to 90), `force_reschedule`, `user_id`, `timezone` (or
`clientTimezone`), `engine` (`local` or `app`) and `allow_mass_delete`.

## Output

Standard output carries data only: with `--json` the result document and nothing else, with
`--dry-run` the planned changes as a table, of `schedule` also the week. Everything said to people
goes to standard error. At a terminal that is progress and a short summary. Elsewhere a run is
silent on success, when it is busy and when it fails in part exactly as the run before it did; every
other failure is one paragraph: what failed and what to do. Nothing of this changes the exit code.

"""


def render(_page: str = "") -> str:
    """The page."""
    return HEAD + "".join(_sections())


def _sections() -> Iterator[str]:
    yield "## Exit codes\n\n"
    yield table(
        ("code", "name", "meaning", "who acts", "run again"),
        ((int(code), code.name.lower(), *EXIT_CODES[code]) for code in ExitCode),
    )
    yield "How a run ends, in the ledger's word and as an exit code:\n\n"
    yield table(
        ("outcome", "status", "exit code"),
        ((f"`{kind}`", f"`{status_of(kind)}`", int(exit_code(kind))) for kind in Kind),
    )
    yield SETTINGS_HEAD
    yield table(("variable", "key", "default", "meaning"), (_setting(name) for name in FIELDS))
    yield "Other variables:\n\n"
    yield table(("variable", "meaning"), ((f"`{n}`", text) for n, text in OTHER_VARIABLES.items()))
    yield "## Commands\n\nDurations are a whole number and a unit: `90s`, `15m`, `3h`, `90d`.\n\n"
    for path, command in commands():
        yield _command(path, command)
    yield PAYLOAD
    yield "## Result document\n\nIts schema is [result.schema.json](result.schema.json).\n\n"
    yield table(("key", "meaning"), ((f"`{name}`", text) for name, text in MEANINGS.items()))
    yield "Each of `errors` and `warnings`:\n\n"
    yield table(
        ("key", "meaning"), ((f"`{name}`", text) for name, text in PROBLEM_MEANINGS.items())
    )
    yield "## Codes\n\nStable words in `code`; `…` stands for a name. New ones may be added.\n\n"
    yield (
        table(
            ("code", "what it says", "said by"),
            ((f"`{code.code}`", code.message, f"`{code.module}`") for code in codes()),
        ).rstrip("\n")
        + "\n"
    )


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, the program itself first."""
    yield from _walk("tuturuuu-jobs", typer.main.get_command(app))


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _walk(f"{path} {name}", child)


def _command(path: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    names = "".join(f" {argument.metavar or argument.name.upper()}" for argument in arguments)
    suffix = " COMMAND" if hasattr(command, "commands") else ""
    about = " ".join((command.help or "").split())
    options = [_option(param) for param in command.params if param.param_type_name == "option"]
    text = f"### `{path}{names}{suffix}`\n\n{about}\n\n"
    return text + (table(("option", "default", "meaning"), options) if options else "")


def _option(param: Any) -> tuple[str, str, str]:
    names = ", ".join([*param.opts, *param.secondary_opts])
    takes_value = not (param.is_flag or param.count)
    value = f" {param.metavar or _choices(param)}" if takes_value else ""
    default = param.default
    shown = "" if default in {None, False} or callable(default) else f"`{default}`"
    return f"`{names}{value}`", shown, param.help or ""


def _choices(param: Any) -> str:
    choices = getattr(param.default, "__class__", None)
    members = getattr(choices, "__members__", None)
    return "|".join(member.value for member in members.values()) if members else "VALUE"


def _setting(field: str) -> tuple[str, str, str, str]:
    info = Settings.model_fields[field]
    name = variable_of(field)
    names = f"`{name}`, `{name}_FILE`" if field in SECRETS else f"`{name}`"
    default = "" if info.default in {None, PydanticUndefined} else f"`{info.default}`"
    return names, f"`{field}`", default, info.description or ""


def table(heads: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table and the empty line after it."""
    lines = [list(heads), *rows]
    lines.insert(1, ["---" for _ in lines[0]])
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines) + "\n\n"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
