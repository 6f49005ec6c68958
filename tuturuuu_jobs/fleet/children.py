"""What a worker starts for a request: the job's own command, told what the request says."""

from __future__ import annotations

import json
from typing import Final

from tuturuuu_jobs.fleet.requests import Claimed
from tuturuuu_jobs.runtime.children import ChildSpec

_CHILD_WAIT: Final = ("--on-busy", "wait", "--wait", "2s")
# Behind the child's own deadline, so that it can say itself that its time is over.
_PATIENCE_S: Final = 2.0


def build_spec(claimed: Claimed, deadline_s: float) -> ChildSpec:
    """The child that does what was claimed, in so many seconds.

    A run that is not the first one of its request names it in a tag.
    """
    tags = (
        claimed.tags
        if claimed.run_id == claimed.id
        else claimed.tags | {"request": str(claimed.id)}
    )
    return ChildSpec(
        run_id=claimed.run_id,
        label=str(claimed.ws_id),
        arguments=(
            claimed.job,
            *("--payload", "-", "--json", "--quiet", "--from-queue"),
            *("--run-id", str(claimed.run_id)),
            *_option("--parent-run-id", claimed.parent_run_id),
            *_option("--replay-of", claimed.replay_of),
            *_option("--slot", claimed.slot and claimed.slot.isoformat()),
            *("--deadline", f"{max(1, int(deadline_s))}s"),
            *_CHILD_WAIT,
            *(part for key, value in tags.items() for part in ("--tag", f"{key}={value}")),
        ),
        stdin=json.dumps(claimed.payload).encode(),
        deadline_s=deadline_s + _PATIENCE_S,
    )


def _option(name: str, value: object) -> tuple[str, ...]:
    return (name, str(value)) if value else ()
