"""The first lines of a child: it dies with its parent, stays small, and then enters the program.

Run as a script it is the child of the ``exec`` launcher::

    python -P -m tuturuuu_jobs.runtime.child PARENT_PID MEMORY_BYTES MODULE:FUNCTION ARGUMENT...
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final

from tuturuuu_jobs.runtime.pages import enlarge_pages

_PR_SET_PDEATHSIG: Final = 1
_ORPHANED: Final = 143
_LIBC: Final = ctypes.CDLL(None)
_COLLECT_EVERY: Final = 20_000


def bind_to_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; leave at once if it has already.

    The second look closes the gap between the start of this process and the first line.
    """
    with contextlib.suppress(OSError, AttributeError):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_ORPHANED)


def limit(memory: int) -> None:
    """No core files, which would hold tokens; so much address space in bytes, 0 for no bound.

    Best effort: a service manager may forbid both, and has bounds of its own.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        with contextlib.suppress(OSError, ValueError):
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            bound = memory if most == resource.RLIM_INFINITY else min(memory, most)
            resource.setrlimit(resource.RLIMIT_AS, (bound, most))
    os.umask(0o077)


def load(entry: str) -> Any:
    """The function that ``module:function`` names."""
    module, _, function = entry.partition(":")
    return getattr(importlib.import_module(module), function)


def enter(entry: str, arguments: Sequence[str]) -> None:
    """Call the program as its own command line would."""
    program = load(entry)
    sys.argv[:] = ["tuturuuu-jobs", *arguments]
    program()


def settle_memory() -> None:
    """Keep what is loaded by now out of later collections, so that forks go on sharing it.

    It is put in large pages, of which a fork has few to copy the entries of.
    """
    gc.collect()
    gc.freeze()
    enlarge_pages()
    # A short life makes little garbage; looking for it every 700 objects costs more than it frees.
    gc.set_threshold(_COLLECT_EVERY)


if __name__ == "__main__":
    bind_to_parent(int(sys.argv[1]))
    limit(int(sys.argv[2]))
    enter(sys.argv[3], sys.argv[4:])
