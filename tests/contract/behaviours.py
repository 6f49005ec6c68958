"""Children that behave and misbehave in every way a parent must live with.

``main`` is the entry of a child under test: its first argument names the behaviour, its second the
run's id; a third is a file in which it leaves what the test wants to know.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUN_ID = ""
NOTE: Path | None = None


def envelope(code: int = 0, status: str = "succeeded", /, **changes: Any) -> bytes:
    document = {
        "version": 1,
        "job": "sync",
        "run_id": RUN_ID,
        "ws_id": None,
        "key": None,
        "success": code == 0,
        "status": status,
        "code": status,
        "exit_code": code,
        "error": None if code == 0 else "it failed",
        "errors": [],
        "warnings": [],
        "attempts": 1,
        "trigger": "orchestrator",
        "slot": None,
        "started_at": "2026-11-25T00:00:00.000Z",
        "finished_at": "2026-11-25T00:00:00.000Z",
        "duration_s": 0.0,
        "data": {},
    }
    return json.dumps(document | changes).encode() + b"\n"


def say(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def note(value: Any) -> None:
    """Complete or absent, so that a test may wait for it; without a file nobody asked."""
    if NOTE is None:
        return
    aside = NOTE.with_suffix(".tmp")
    aside.write_text(json.dumps(value), encoding="utf-8")
    aside.rename(NOTE)


def sleep_for_ever() -> None:
    threading.Event().wait()


def well() -> int:
    say(envelope())
    return 0


def failed() -> int:
    say(envelope(1, "failed"))
    return 1


def flood() -> int:
    for _ in range(100):
        say(b"x" * (1 << 20))
    return 0


def flood_without_end() -> int:
    """Talks on both streams for ever and hears no polite word."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        say(b"x" * (1 << 16))
        sys.stderr.write("and on\n" * 1000)


def flood_of_words() -> int:
    for number in range(20_000):
        sys.stderr.write(f"line {number}\n")
    sys.stderr.write("no end")
    sys.stderr.flush()
    return well()


def closes_stdout() -> int:
    os.close(1)
    return 0


def grandchild() -> int:
    """Ends well and leaves a process that holds both pipes."""
    note(subprocess.Popen(["/bin/sleep", "300"]).pid)
    return well()


def waits_for_grandchild() -> int:
    sleeper = subprocess.Popen(["/bin/sleep", "300"])
    note(sleeper.pid)
    return sleeper.wait()


def escaped_grandchild() -> int:
    """Leaves a process in a session of its own, which no group signal reaches."""
    note(subprocess.Popen(["/bin/sleep", "300"], start_new_session=True).pid)
    return well()


def ignores_term() -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(os.getpid())
    sleep_for_ever()
    return 0


def answers_term() -> int:
    def answer(*_: object) -> None:
        say(envelope(143, "interrupted"))
        os._exit(143)

    signal.signal(signal.SIGTERM, answer)
    note(os.getpid())
    sleep_for_ever()
    return 0


def nothing() -> int:
    return 0


def rubbish() -> int:
    say(b"Traceback (most recent call last)\n")
    return 0


def two_documents() -> int:
    say(envelope() + envelope())
    return 0


def failed_with_0() -> int:
    say(envelope(1, "failed"))
    return 0


def contradiction() -> int:
    say(envelope(0, "failed"))
    return 0


def other_run() -> int:
    say(envelope(run_id="00000000-0000-4000-8000-000000000009"))
    return 0


def other_version() -> int:
    say(envelope(version=2))
    return 0


def killed() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def stopped() -> int:
    """Hears no signal but the last one."""
    os.kill(os.getpid(), signal.SIGSTOP)
    return 0


def broken_off() -> int:
    """Dies of a fault of its own in the middle of its result."""
    say(envelope()[:40])
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def killed_for_memory() -> int:
    """Dies as the kernel kills: the group's count first."""
    if NOTE is not None:
        NOTE.with_name("memory.events").write_text("oom 1\noom_kill 1\n", encoding="utf-8")
    return killed()


def eats_memory() -> int:
    try:
        kept = [bytearray(64 << 20) for _ in range(64)]
    except MemoryError:
        say(envelope(70, "failed"))
        return 70
    say(envelope(data={"kept": len(kept)}))
    return 0


def raises() -> int:
    raise RuntimeError("on purpose")


def leaks_a_token() -> int:
    sys.stderr.write("Authorization: Bearer abcdefghijkl\n")
    return well()


def surroundings() -> int:
    import resource

    data = {
        "environ": dict(os.environ),
        "group": os.getpgrp() == os.getpid(),
        "session": os.getsid(0) == os.getpid(),
        "descriptors": sorted(int(fd.name) for fd in Path("/proc/self/fd").iterdir()),
        "stdin": sys.stdin.read(),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "term": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "int": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "argv": sys.argv[1:2],
        "threads": threading.active_count(),
    }
    say(envelope(data=data))
    return 0


BEHAVIOURS: dict[str, Callable[[], int]] = {
    name: value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__
}


def main() -> None:
    global RUN_ID, NOTE  # noqa: PLW0603 - one process, one behaviour.
    name, RUN_ID = sys.argv[1:3]
    if len(sys.argv) > 3:
        NOTE = Path(sys.argv[3])
    sys.exit(BEHAVIOURS[name]())
