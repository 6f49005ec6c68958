"""Mistakes in what makes every run trustworthy: locks, ledger, attempts, children, quotas."""

from __future__ import annotations

from typing import Final

from tests.defects.seed import Seed

_RUNTIME: Final = "tests/integration/runtime/test_"
RUN: Final = (f"{_RUNTIME}run.py",)
PROCESSES: Final = (f"{_RUNTIME}processes.py",)
LEDGER: Final = (f"{_RUNTIME}ledger.py", *RUN)
UPKEEP: Final = (f"{_RUNTIME}upkeep.py",)
SLOTS: Final = (f"{_RUNTIME}slots.py",)
CANCEL: Final = (f"{_RUNTIME}cancel.py",)
QUOTA: Final = ("tests/unit/runtime/test_allowance.py", f"{_RUNTIME}quota.py")
FAN_OUT: Final = (
    "tests/unit/orchestration/test_plan.py",
    "tests/integration/orchestration/test_job.py",
)
LAUNCHERS: Final = ("tests/contract/test_launchers.py",)
LOCKS: Final = ("tests/contract/test_locks.py",)

SEEDS: Final = tuple(
    Seed(*fields)
    for fields in (
        (
            "the lock is given back before the work",
            "runtime/session.py",
            (
                "            self._database.enter_context(\n"
                "                locks.advisory_lock("
                "connection, self._facts.key, wait_s=wait())\n"
                "            )\n"
            ),
            (
                "            with locks.advisory_lock("
                "connection, self._facts.key, wait_s=wait()):\n"
                "                pass\n"
            ),
            (*RUN, *PROCESSES),
        ),
        (
            "the lock is given back before the outcome is committed",
            "runtime/run.py",
            "                entry = Record(facts, result, opened=run.opened, home=run.home)\n",
            (
                "                around.session.__exit__(None, None, None)\n"
                "                entry = Record(facts, result, opened=run.opened, home=run.home)\n"
            ),
            (*RUN, *PROCESSES),
        ),
        (
            "a lock that another run took meanwhile is believed",
            "runtime/session.py",
            "return locks.is_held(connection, self._facts.key)",
            "return True",
            RUN,
        ),
        (
            "a lock file that was moved away is believed",
            "runtime/locks.py",
            "if (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino):",
            "if ours.st_dev != named.st_dev:",
            LOCKS,
        ),
        (
            "a queue lets everybody in",
            "runtime/execution.py",
            "if around.session.take_seat(queue.name, seats):",
            "if around.session.take_seat(queue.name, seats) or seats:",
            PROCESSES,
        ),
        (
            "a seat that was lost with its connection is believed",
            "runtime/session.py",
            "self._seated = self._seated and not self._mode.uses_database",
            "self._seated = bool(self._seated)",
            (*RUN, *PROCESSES),
        ),
        (
            "a run is settled whoever settled it before",
            "runtime/ledger.py",
            "and status = 'running' and epoch = %(epoch)s\n    returning id\n",
            "and %(epoch)s is not null\n    returning id\n",
            LEDGER,
        ),
        (
            "a settling with another result is nobody's business",
            "runtime/ledger.py",
            "where id = %(id)s and epoch = %(epoch)s and status = %(status)s\n",
            "where id = %(id)s and %(epoch)s is not null and %(status)s <> ''\n",
            LEDGER,
        ),
        (
            "the work of a slot is done twice",
            "runtime/ledger.py",
            "idempotency_key = %(idempotency_key)s and status in ('succeeded', 'partial')",
            "idempotency_key = %(idempotency_key)s and status = 'succeeded' and slot is null",
            SLOTS,
        ),
        (
            "a slot whose work failed counts as done",
            "runtime/ledger.py",
            "idempotency_key = %(idempotency_key)s and status in ('succeeded', 'partial')",
            "idempotency_key = %(idempotency_key)s and status <> 'running'",
            SLOTS,
        ),
        (
            "silence is taken for death",
            "runtime/reaping.py",
            "    if alive is False:\n",
            "    if not alive:\n",
            UPKEEP,
        ),
        (
            "a sign of life in between is not seen",
            "runtime/ledger.py",
            "  and heartbeat_at is not distinct from %(heartbeat_at)s\n",
            "  and (heartbeat_at is null or %(heartbeat_at)s::timestamptz is not null)\n",
            LEDGER,
        ),
        (
            "the last success of a key is pruned",
            "runtime/retention.py",
            "(status <> 'succeeded' or exists (",
            "(true or exists (",
            UPKEEP,
        ),
        (
            "a request to cancel is not heard",
            "runtime/heartbeat.py",
            "            self._cancel()\n",
            "            pass\n",
            CANCEL,
        ),
        (
            "a cancelled run was only stopped",
            "runtime/execution.py",
            "self._outcome = cancelled(self.outcome)",
            "self._outcome = self.outcome",
            CANCEL,
        ),
        (
            "another attempt begins from nothing",
            "runtime/execution.py",
            "self._job.attempt(self._payload, context, self._committed)",
            "self._job.attempt(self._payload, context, None)",
            RUN,
        ),
        (
            "what cannot get better is tried again",
            "runtime/execution.py",
            "if not tried.retryable or self.attempts >= self._facts.max_attempts:",
            "if not tried.outcome.errors or self.attempts >= self._facts.max_attempts:",
            RUN,
        ),
        (
            "one database is told what another one should know",
            "runtime/settling.py",
            "            if entry.home not in homes:\n",
            "            if not homes:\n",
            RUN,
        ),
        (
            "secrets stay in texts",
            "runtime/redact.py",
            "        text = shape.sub(replacement, text)\n",
            "        shape.sub(replacement, text)\n",
            ("tests/unit/runtime/test_redact.py",),
        ),
        (
            "what children say is told with its secrets",
            "orchestration/fan_out.py",
            "self._children.audience.said(spec.label, scrub(line))",
            "self._children.audience.said(spec.label, line)",
            FAN_OUT,
        ),
        (
            "a partial run exits like a good one",
            "runtime/outcome.py",
            "            return ExitCode.PARTIAL\n",
            "            return ExitCode.SUCCESS\n",
            ("tests/integration/sync/test_sweep.py",),
        ),
        (
            "some failed workspaces make no difference",
            "orchestration/weighing.py",
            'return Kind.PARTIAL, "partial"',
            'return Kind.SUCCEEDED, "succeeded"',
            FAN_OUT,
        ),
        (
            "the breaker never opens",
            "orchestration/weighing.py",
            "return len(last) == BREAKER and len(alike) == 1 and last[0].kind in _ALIKE",
            "return len(last) > BREAKER and len(alike) == 1 and last[0].kind in _ALIKE",
            FAN_OUT,
        ),
        (
            "one child more than the width",
            "runtime/fanout.py",
            "len(running) < self.width",
            "len(running) <= self.width",
            (*FAN_OUT, *LAUNCHERS),
        ),
        (
            "a child that crashed is left running in the ledger",
            "orchestration/fan_out.py",
            "        if end.result is None:\n",
            "        if end.result is None and not end.crashed:\n",
            FAN_OUT,
        ),
        (
            "a child's word counts more than its exit code",
            "runtime/envelope.py",
            "    if result.exit_code != returncode:\n",
            "    if result.exit_code < 0:\n",
            ("tests/unit/runtime/test_envelope.py", *LAUNCHERS),
        ),
        (
            "what a child started outlives it",
            "runtime/supervisor.py",
            (
                "        _signal_group(process, signal.SIGKILL)\n"
                "        returncode = process.reap()\n"
            ),
            "        returncode = process.reap()\n",
            LAUNCHERS,
        ),
        (
            "tokens that cannot be waited for stay taken",
            "runtime/quota/allowance.py",
            "self._try(lambda: self._buckets.take(self._named, -size))",
            "self._try(lambda: self._buckets.take(self._named, 0))",
            QUOTA,
        ),
        (
            "a quota's minute does not slide",
            "runtime/quota/buckets.py",
            "max(limit - capacity, _BURST) / (60.0 + HOLD_S)",
            "max(limit, _BURST) / 60.0",
            QUOTA,
        ),
    )
)
