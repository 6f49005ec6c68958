"""How a finished run is told: the document for programs, a few lines for people, or silence.

Cron mails whatever is printed, so away from a terminal only a change for the worse says anything.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Final

from tuturuuu_jobs.commands import output
from tuturuuu_jobs.commands.job_options import RunOptions
from tuturuuu_jobs.runtime.outcome import ExitCode, Problem, Result, Status

_SHOWN: Final = 10
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PLAN_COLUMNS: Final = ("calendar", "action", "event_id", "start", "end", "title", "reason")


def failures_of(document: dict[str, Any]) -> frozenset[tuple[str, str | None]]:
    """What failed, comparable between runs."""
    return frozenset((error["code"], error.get("subject")) for error in document["errors"])


def report(
    result: Result,
    options: RunOptions,
    *,
    at_terminal: bool,
    previous: dict[str, Any] | None,
    preview: Callable[[Result], list[str]],
) -> None:
    """Write the result to every place that was asked for.

    Args:
        result: How the run ended.
        options: What the command line wants to see.
        at_terminal: Whether a person watches standard error.
        previous: The result document of the run before this one of the same key, if known.
        preview: The lines that show a dry run.
    """
    if options.result_file is not None:
        lost = output.write_result_file(options.result_file, result.to_json())
        if lost is not None:
            output.say(f"tuturuuu-jobs: {_problem_line(lost)}")
            result = dataclasses.replace(result, warnings=(*result.warnings, lost))
    document = result.to_json()
    if options.as_json:
        output.emit_json(document)
    elif options.dry_run:
        output.print_lines(preview(result))
    watched = at_terminal and not options.quiet
    if options.is_child:
        # The parent reads the document and tells it.
        lines: list[str] = []
    elif result.success:
        lines = summary_lines(result) if watched else []
    elif result.exit_code == ExitCode.BUSY:
        overdue = any(warning.code == "holder_overdue" for warning in result.warnings)
        lines = failure_lines(result, result.warnings) if watched or overdue else []
    elif not at_terminal and _is_unchanged_partial(document, previous):
        lines = []
    else:
        lines = failure_lines(result)
    for line in lines:
        output.say(line)


def summary_lines(result: Result) -> list[str]:
    """How a run without failures ended, with its warnings and what its plan could not do."""
    head = f"{_name(result)}: {_verdict(result)} in {result.duration_s:.1f} s"
    counts = ", ".join(f"{name} {value}" for name, value in _counts(result.data).items() if value)
    return [
        output.printable(f"{head}: {counts}" if counts else head),
        *(f"  warning: {_problem_line(warning)}" for warning in result.warnings[:_SHOWN]),
        *_finding_lines(result.data.get("findings", [])),
    ]


def _finding_lines(findings: list[dict[str, Any]]) -> list[str]:
    """What a plan could not do as asked, without what is merely information."""
    serious = [finding for finding in findings if finding["level"] != "information"]
    serious.sort(key=lambda finding: finding["level"] != "error")
    lines = [output.printable(_finding_line(finding)) for finding in serious[:_SHOWN]]
    if len(serious) > _SHOWN:
        lines.append(f"  and {len(serious) - _SHOWN} more; --json shows all")
    return lines


def _finding_line(finding: dict[str, Any]) -> str:
    what = f"{finding['kind']} {finding['id']}"
    remedy = f" (would help: {finding['remedy']['text']})" if finding["remedy"] else ""
    return f"  {finding['level']}: {what}: {finding['code']}: {finding['text']}{remedy}"


def failure_lines(result: Result, warnings: tuple[Problem, ...] = ()) -> list[str]:
    """One paragraph: what failed and what to do about each, then the warnings given."""
    told = [f"  warning: {_problem_line(warning)}" for warning in warnings[:_SHOWN]]
    return [*_error_lines(result), *told]


def _error_lines(result: Result) -> list[str]:
    count = len(result.errors)
    record = f", run {result.run_id}" if result.attempts else ""
    head = f"tuturuuu-jobs: {_name(result)}: {_verdict(result)}{record}"
    if count == 1:
        return [f"{head}: {_problem_line(result.errors[0])}"]
    lines = [f"{head}: {count} problems" if count else head]
    lines += [f"  {_problem_line(error)}" for error in result.errors[:_SHOWN]]
    if count > _SHOWN:
        lines.append(f"  and {count - _SHOWN} more; --json shows all")
    return lines


def plan_lines(result: Result, _data: object = None) -> list[str]:
    """The changes a sync would make, one line each, or that a complete look found none."""
    rows = [
        {"calendar": calendar.get("calendar_id"), **change}
        for calendar in result.data.get("calendars", [])
        for change in calendar.get("changes", [])
    ]
    if not rows:
        return ["nothing to change"] if result.success else []
    columns = tuple(name for name in _PLAN_COLUMNS if any(row.get(name) for row in rows))
    return output.table(rows, columns)


def _is_unchanged_partial(document: dict[str, Any], previous: dict[str, Any] | None) -> bool:
    return (
        document["status"] == Status.PARTIAL
        and previous is not None
        and previous["status"] == Status.PARTIAL
        and failures_of(document) == failures_of(previous)
    )


def _name(result: Result) -> str:
    return f"{result.job} {result.ws_id}" if result.ws_id else result.job


def _verdict(result: Result) -> str:
    plain = result.code == result.status.value
    return result.status.value if plain else f"{result.status.value} ({result.code})"


def _counts(data: dict[str, Any]) -> dict[str, int]:
    totals: dict[str, Any] = data.get("totals") or data.get("summary") or {}
    return {
        _HUMP.sub(" ", name).lower(): value
        for name, value in totals.items()
        if isinstance(value, int)
    }


def _problem_line(problem: Problem) -> str:
    subject = problem.subject
    about = f"{subject}: " if subject and subject not in problem.message else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return output.printable(f"{about}{problem.message}{hint}")
