"""``doctor``: whether the installation is sound, and why work waits."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tuturuuu_jobs.commands import output
from tuturuuu_jobs.errors import SettingsError

if TYPE_CHECKING:
    from tuturuuu_jobs.diagnosis.findings import Finding
    from tuturuuu_jobs.runtime.outcome import ExitCode

_VERSION: Final = 1
_WIDTH: Final = 100
_INDENT: Final = " " * 10


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Only what is a warning or serious.")
    ] = False,
) -> None:
    """Look whether the installation is sound and why work waits; 1 if anything is serious."""
    from tuturuuu_jobs.runtime.clock import SystemClock

    if as_json:
        output.reserve_stdout()
    checked_at = SystemClock().now()
    findings = list(_examine())
    code = _exit_code(findings)
    if as_json:
        output.emit_json(
            {
                "version": _VERSION,
                "checked_at": checked_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "healthy": not code,
                "exit_code": int(code),
                "findings": [finding.to_json() for finding in findings],
            }
        )
    else:
        output.print_lines([*_render(findings, quiet=quiet)])
    raise typer.Exit(code)


def _examine() -> Iterator[Finding]:
    """Settings that cannot be read are the one finding there is then."""
    from tuturuuu_jobs.diagnosis.findings import of_error
    from tuturuuu_jobs.wiring.process import build_examiner, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        yield of_error(error, why="no command can run with these settings")
        return
    yield from build_examiner(settings).run()


def _exit_code(findings: list[Finding]) -> ExitCode:
    """78 for settings that are missing or unusable, whatever else is wrong."""
    from tuturuuu_jobs.diagnosis.findings import Severity, worst
    from tuturuuu_jobs.runtime.outcome import ExitCode

    if worst(findings) is not Severity.SERIOUS:
        return ExitCode.SUCCESS
    unusable = {"config", "setting_missing"}
    return ExitCode.CONFIG if unusable & {found.code for found in findings} else ExitCode.FAILED


def _render(findings: list[Finding], *, quiet: bool) -> Iterator[str]:
    from tuturuuu_jobs.diagnosis.findings import Severity

    width = max(60, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns))
    least = Severity.WARNING if quiet else Severity.OK
    for finding in sorted(findings, key=lambda found: found.severity):
        if finding.severity >= least:
            yield from _render_one(finding, width)
    if not quiet:
        yield _summary(findings)


def _render_one(finding: Finding, width: int) -> Iterator[str]:
    head = f"{finding.severity.name.lower():<9} {finding.code}: {finding.what}"
    parts: tuple[tuple[str, Any], ...] = (
        ("", head),
        (f"{_INDENT}why: ", finding.why),
        (f"{_INDENT}do:  ", finding.action),
    )
    for label, text in parts:
        if text:
            yield from textwrap.wrap(
                output.printable(text),
                width,
                initial_indent=label,
                subsequent_indent=_INDENT + (" " * 5 if label else ""),
                break_long_words=False,
                break_on_hyphens=False,
            )


def _summary(findings: list[Finding]) -> str:
    from tuturuuu_jobs.diagnosis.findings import Severity

    bad = [found for found in findings if found.severity is not Severity.OK]
    told = [
        f"{severity.name.lower()}: {sum(found.severity is severity for found in bad)}"
        for severity in sorted({found.severity for found in bad}, reverse=True)
    ]
    return ", ".join(told) or f"all {len(findings)} findings are good"
