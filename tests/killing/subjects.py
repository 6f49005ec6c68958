"""Every command that writes, and the scene in which it is ended."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.fixtures.postgres import Databases
from tests.killing.of_fan_out import FanOutWard
from tests.killing.of_fleet import DispatchWard, DrainWard, EnqueueWard, PutBackWard
from tests.killing.of_ledger import CancelWard, MigrateWard, PruneWard, ReapWard, open_ledger
from tests.killing.of_schedule import open_schedule
from tests.killing.of_settling import SettlingWard, UnsettledWard
from tests.killing.of_sync import FullSyncWard, ReplayWard, RetryWard, SyncWard
from tests.killing.opening import open_scene
from tests.killing.points import Kind
from tests.killing.ward import Ward


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """A command in its scene.

    Attributes:
        open: Makes the scene, in a folder that does not exist.
        kinds: Which points are its own; the others are those of another subject.
        quick: Whether it takes no longer than a run.
        parts: Into so many tests its points are divided, so that all cores have enough to do.
    """

    open: Callable[[Databases, Path], AbstractContextManager[Ward]]
    kinds: frozenset[Kind] = frozenset(Kind)
    quick: bool = True
    parts: int = 1


SUBJECTS: dict[str, Subject] = {
    "sync": Subject(functools.partial(open_scene, kind=SyncWard), parts=4),
    "full-sync": Subject(functools.partial(open_scene, kind=FullSyncWard), parts=4),
    "schedule": Subject(open_schedule, parts=2),
    "orchestrate sync": Subject(functools.partial(open_scene, kind=FanOutWard)),
    "enqueue": Subject(functools.partial(open_scene, kind=EnqueueWard)),
    "orchestrate --via queue": Subject(functools.partial(open_scene, kind=DispatchWard)),
    "runs retry, of the queue": Subject(functools.partial(open_scene, kind=PutBackWard)),
    "worker --drain": Subject(functools.partial(open_scene, kind=DrainWard)),
    "runs retry": Subject(functools.partial(open_scene, kind=RetryWard), parts=4),
    "runs replay": Subject(functools.partial(open_scene, kind=ReplayWard), parts=4),
    "runs cancel": Subject(functools.partial(open_ledger, kind=CancelWard)),
    "runs reap": Subject(functools.partial(open_ledger, kind=ReapWard)),
    "runs prune": Subject(functools.partial(open_ledger, kind=PruneWard)),
    "db migrate": Subject(functools.partial(open_ledger, kind=MigrateWard)),
    "sync, behind a dead run and a spool": Subject(
        functools.partial(open_scene, kind=SettlingWard)
    ),
    "sync, the ledger gone at its end": Subject(
        functools.partial(open_scene, kind=UnsettledWard),
        # It waits for the server a while, and then writes files.
        kinds=frozenset({Kind.FILE}),
        quick=False,
    ),
}
