"""A process that runs one job; started by tests that kill, stop or crowd it.

Arguments: data source name, state directory, lock mode, behaviour. It prints lines that name the
moment it is in, and at last the result as JSON.
"""

import json
import signal
import sys
from pathlib import Path

from tests.integration.runtime.parts import Data, ScriptedJob, Step, runtime_for
from tuturuuu_jobs.runtime.job import RunContext, RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.run import run_job


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def hold(ctx: RunContext[Data], previous: Data | None) -> Data:
    """Hold the key until the parent writes a line."""
    say("holding")
    sys.stdin.readline()
    return {}


def sleep_in_the_database(ctx: RunContext[Data], previous: Data | None) -> Data:
    ctx.checkpoint({"committed": 1})
    say("holding")
    ctx.connection.execute("select pg_sleep(50)")
    return {}


def stopped_in_shield(ctx: RunContext[Data], previous: Data | None) -> Data:
    """A signal arrives inside the commit of the work: the commit is finished first."""
    with ctx.shield():
        say("holding")
        signal.sigwait([signal.SIGUSR1])
        ctx.checkpoint({"committed": 2})
    say("never")
    return {}


STEPS: dict[str, Step] = {
    "hold": hold,
    "sleep": sleep_in_the_database,
    "shield": stopped_in_shield,
}


def main() -> None:
    dsn, state_dir, mode, behaviour = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    say("ready")
    sys.stdin.readline()
    runtime = runtime_for(dsn, Path(state_dir), mode=LockMode(mode))
    result = run_job(ScriptedJob([STEPS[behaviour]]), {}, RunRequest(), runtime)
    say(json.dumps(result.to_json()))
    sys.exit(result.exit_code)


if __name__ == "__main__":
    main()
