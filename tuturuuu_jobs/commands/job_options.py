"""What a job command is told about its run and its output: one class, whose fields are options."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, get_type_hints

from typing_extensions import override

from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.runtime.job import OnBusy, RunRequest
from tuturuuu_jobs.runtime.slots import SlotChoice

_DEADLINE: Final = timedelta(hours=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What every run is told."""

    dry_run: o.DryRun = False
    as_json: o.AsJson = False
    result_file: o.ResultFile = None
    quiet: o.Quiet = False
    verbose: o.Verbose = 0
    deadline: o.RunDeadline = None
    run_id: o.RunId = None
    tag: o.Tags = None
    slot: o.Slot = None
    every: o.Every = None
    expires: o.Expires = None
    force: o.Force = False

    @property
    def slot_choice(self) -> SlotChoice:
        """Which scheduled instant the run stands for."""
        return SlotChoice(self.slot, self.every, self.expires, self.force)

    @property
    def is_child(self) -> bool:
        """Whether a fan-out started the run, and hears its end by itself."""
        return False

    def request(self, trigger: str, slot: datetime | None = None) -> RunRequest:
        """The part that the run wrapper is asked for.

        Args:
            trigger: Who started the run.
            slot: What :attr:`slot_choice` comes to at this moment.
        """
        return RunRequest(
            deadline_s=(self.deadline or _DEADLINE).total_seconds(),
            run_id=self.run_id,
            trigger=trigger,
            slot=slot,
            expires_s=None if self.expires is None else self.expires.total_seconds(),
            force=self.force,
            tags={tag.key: tag.value for tag in self.tag or ()},
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobOptions(RunOptions):
    """What the run of one workspace's job is told."""

    attempts: o.Attempts = 3
    on_busy: o.Busy = OnBusy.SKIP
    wait: o.Wait = None
    parent_run_id: o.ParentRunId = None
    replay_of: o.ReplayOf = None
    from_queue: o.FromQueue = False

    @property
    @override
    def is_child(self) -> bool:
        return self.parent_run_id is not None or self.from_queue

    @override
    def request(self, trigger: str, slot: datetime | None = None) -> RunRequest:
        if self.from_queue or self.parent_run_id:
            trigger = "queue" if self.from_queue else "orchestrator"
        request = super().request(trigger, slot)
        return dataclasses.replace(
            request,
            attempts=self.attempts,
            on_busy=self.on_busy,
            wait_s=request.deadline_s if self.wait is None else self.wait.total_seconds(),
            parent_run_id=self.parent_run_id,
            replay_of=self.replay_of,
        )


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of an options class are that class's fields, one option each.

    What a class adds comes before what it inherits.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[type[RunOptions], list[str]]] = {}
    for parameter in _parameters(command):
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, RunOptions):
            fields = sorted(_parameters(kind), key=lambda field: _home(kind, field.name))
            groups[parameter.name] = (kind, [field.name for field in fields])
            parameters += fields
        else:
            parameters.append(parameter)

    @functools.wraps(command)
    def spread_out(**given: Any) -> None:
        for name, (kind, fields) in groups.items():
            given[name] = kind(**{field: given.pop(field) for field in fields})
        command(**given)

    del spread_out.__wrapped__
    spread_out.__annotations__ = {each.name: each.annotation for each in parameters}
    vars(spread_out)["__signature__"] = inspect.Signature(parameters)
    return spread_out


def _parameters(called: Callable[..., Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(called, include_extras=True)
    return [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(called).parameters.items()
    ]


def _home(kind: type[RunOptions], name: str) -> int:
    """How far up the class stands that brought a field in."""
    classes = enumerate(kind.__mro__)
    return max(up for up, each in classes if name in inspect.get_annotations(each))
