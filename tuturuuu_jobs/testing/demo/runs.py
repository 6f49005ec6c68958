"""The real command as a process, with the settings a person would export."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

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
    def calendars(self) -> list[dict[str, Any]]:
        """What the run did to each calendar."""
        found: list[dict[str, Any]] = (self.result["data"] or {}).get("calendars", [])
        return found

    @property
    def totals(self) -> dict[str, int]:
        """The counts over all calendars."""
        totals: dict[str, int] = (self.result["data"] or {}).get("totals", {})
        return {name: totals.get(name, 0) for name in (*_COUNTS, "rejected", "swept")}

    @property
    def ending(self) -> str:
        """Its code, and the code of the warning or of the failures behind it."""
        behind = [self.wanted.warning] if self.wanted.warning else []
        codes = {calendar["code"] for calendar in self.calendars if calendar["code"]}
        behind += sorted(codes - {self.result["code"]})
        return ": ".join([self.result["code"], *behind])


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
        """One run of the job for each workspace, in their order."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            runs = [pool.submit(self._run, job, workspace, ends) for workspace, ends in wanted]
            return [run.result() for run in runs]

    def _run(self, job: str, workspace: Workspace, wanted: Wanted) -> Ran:
        words = (job, "--ws", str(workspace.ws_id), "--json")
        ended = self.call(*words)
        command = f"tuturuuu-jobs {job} --ws ${workspace.variable} --json"
        try:
            result: dict[str, Any] = json.loads(ended.stdout)
        except ValueError:
            said = (ended.stderr.strip().splitlines() or ["nothing"])[-1]
            raise FailedError(
                f"{command} ended with {ended.returncode} and no document; it said: {said}"
            ) from None
        return Ran(workspace, command, ended.returncode, result, wanted)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run any command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tuturuuu_jobs", *words],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_PATIENCE_S,
            check=False,
        )
