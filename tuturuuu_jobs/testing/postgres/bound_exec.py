"""Become an ordinary user, tie this process to its parent, and exec; run as a script.

A program of its own instead of a ``preexec_fn``, which may deadlock in a process with threads.
It imports nothing of the package: the target user may not be able to read it.

Usage: ``python -I -S bound_exec.py UID|- PARENT_PID|- PROGRAM ARGUMENT...``
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(uid: str, parent: str, program: list[str]) -> None:
    """Replace this process by the program; a dash switches a step off."""
    if uid != "-":
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))
    # After the change of user, which would clear it.
    if parent != "-" and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != int(parent):
            sys.exit("the parent is gone already")
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
