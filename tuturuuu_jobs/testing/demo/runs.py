"""The real command as a process, with the settings a person would export."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

from tuturuuu_jobs.errors import FailedError
from tuturuuu_jobs.settings import CONFIG_VARIABLE, FIELDS, variable_of
from tuturuuu_jobs.testing.demo.world import Workspace

_AT_ONCE: Final = 2
_PATIENCE_S: Final = 120.0
_COUNTS: Final = ("fetched", "inserted", "updated", "unchanged", "deleted", "skipped")


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """How a run should end.

    Attributes:
        code: The result's ``code``, or None if any will do.
        warning: The code of a warning that must be among its warnings, or None.
    """

    exit_code: int = 0
    code: str | None = None
    warning: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended."""

    exit_code: int
    stdout: str
    stderr: str


_Started = tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]


@dataclasses.dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended.

    Attributes:
        command: What a person would type.
        result: The document of ``--json``.
    """

    workspace: Workspace
    command: str
    exit_code: int
    result: dict[str, Any]
    wanted: Wanted

    @property
    def as_expected(self) -> bool:
        """Whether it ended the way it should."""
        codes = {warning["code"] for warning in self.result["warnings"]}
        return (
            self.exit_code == self.result["exit_code"] == self.wanted.exit_code
            and self.wanted.code in {None, self.result["code"]}
            and (self.wanted.warning is None or self.wanted.warning in codes)
        )

    @property
    def data(self) -> dict[str, Any]:
        """The job's own part of the result."""
        found: dict[str, Any] = self.result["data"] or {}
        return found

    @property
    def calendars(self) -> list[dict[str, Any]]:
        """What the run did to each calendar."""
        found: list[dict[str, Any]] = self.data.get("calendars", [])
        return found

    @property
    def totals(self) -> dict[str, int]:
        """The counts over all calendars."""
        totals: dict[str, int] = self.data.get("totals", {})
        return {name: totals.get(name, 0) for name in (*_COUNTS, "rejected", "swept")}

    @property
    def ending(self) -> str:
        """Its code, or that of the warning that matters."""
        code: str = self.wanted.warning or self.result["code"]
        return code


class Commands:
    """Runs jobs under these settings, two at a time.

    Args:
        settings: Environment variables; no other setting of this process's own reaches a run.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        names = {variable_of(field) for field in FIELDS}
        foreign = {CONFIG_VARIABLE, "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "INVOCATION_ID"}
        foreign |= names | {f"{name}_FILE" for name in names}
        inherited = {name: value for name, value in os.environ.items() if name not in foreign}
        self._environ = inherited | dict(settings)

    def run_all(self, job: str, wanted: Sequence[tuple[Workspace, Wanted]]) -> list[Ran]:
        """One run of the job for each workspace, in their order.

        Raises:
            FailedError: A run printed no result.
        """
        runs: list[Ran] = []
        for first in range(0, len(wanted), _AT_ONCE):
            pair = wanted[first : first + _AT_ONCE]
            ended = self.call_all([(job, "--ws", str(w.ws_id), "--json") for w, _ in pair])
            runs += [
                _ran(job, workspace, wish, end)
                for (workspace, wish), end in zip(pair, ended, strict=True)
            ]
        return runs

    def call_all(self, commands: Sequence[Sequence[str]]) -> list[Ended]:
        """Run commands side by side to their ends; an interruption ends them first.

        Without threads: one that is born while a signal arrives is nobody's to wait for.
        """
        with contextlib.ExitStack() as stack:
            started = [self._start(words, stack) for words in commands]
            return [_await(*process) for process in started]

    def _start(self, words: Sequence[str], stack: contextlib.ExitStack) -> _Started:
        out = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it.
        err = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - as above.
        process = subprocess.Popen(
            [sys.executable, "-m", "tuturuuu_jobs", *words],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        stack.callback(_end, process)
        return process, out, err


def _await(process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes]) -> Ended:
    process.wait(_PATIENCE_S)
    out.seek(0)
    err.seek(0)
    return Ended(process.returncode, out.read().decode(), err.read().decode(errors="replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait()


def _ran(job: str, workspace: Workspace, wanted: Wanted, ended: Ended) -> Ran:
    command = f"tuturuuu-jobs {job} --ws ${workspace.variable} --json"
    try:
        result: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        said = (ended.stderr.strip().splitlines() or ["nothing"])[-1]
        raise FailedError(
            f"{command} ended with {ended.exit_code} and no document; it said: {said}"
        ) from None
    return Ran(workspace, command, ended.exit_code, result, wanted)
