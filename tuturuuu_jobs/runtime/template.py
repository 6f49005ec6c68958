"""The process that children of the ``fork`` launcher are copies of.

It imports the program once, opens nothing, starts no thread, and then serves one request after
another over a socket: fork a child, or reap one. It ends when the other end of the socket closes,
and the kernel ends its children with it.

Run as a script::

    python -P -m tuturuuu_jobs.runtime.template PARENT_PID MEMORY_BYTES MODULE:FUNCTION SOCKET
        MODULE[:FUNCTION]...
"""

from __future__ import annotations

import array
import dataclasses
import errno
import importlib
import io
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from tuturuuu_jobs.runtime.child import bind_to_parent, enter, limit, load, settle_memory

LONGEST_REQUEST: Final = 64 * 1024
_STREAMS: Final = 3
# Who ends a whole service means the parent and the children; the parent ends the template last.
_NOT_FOR_US: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclasses.dataclass(frozen=True, slots=True)
class Template:
    """What every child is made from.

    Attributes:
        server: Where requests come from, one message each.
        entry: The program that a child enters.
        memory: Bytes of address space per child.
    """

    server: socket.socket
    entry: str
    memory: int

    def serve(self) -> None:
        """Answer requests until nobody asks any more."""
        self._answer({"ready": True})
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.server, LONGEST_REQUEST, _STREAMS)
            if not message:
                return
            request: dict[str, Any] = json.loads(message)
            if "reap" in request:
                _, status = os.waitpid(request["reap"], 0)
                self._answer({"returncode": os.waitstatus_to_exitcode(status)})
            else:
                self._start(request["arguments"], descriptors)

    def _start(self, arguments: list[str], descriptors: list[int]) -> None:
        template = os.getpid()
        # The child closes its end once it leads its group: only then may anybody signal that.
        ready, unready = os.pipe()
        try:
            # A copy of a process with threads may wait for ever for a lock that nobody holds.
            if len(list(Path("/proc/self/task").iterdir())) != 1:
                raise OSError(errno.EDEADLK, "the template has threads")
            if len(descriptors) != _STREAMS:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            pid = os.fork()
        except OSError as error:
            os.close(unready)
            self._answer({"error": error.strerror or "error"})
        else:
            if pid == 0:
                self._become_child(template, arguments, descriptors)
            os.close(unready)
            os.read(ready, 1)
            pidfd = os.pidfd_open(pid)
            self._answer({"pid": pid}, pidfd)
            os.close(pidfd)
        os.close(ready)
        for descriptor in descriptors:
            os.close(descriptor)

    def _become_child(
        self, template: int, arguments: Sequence[str], descriptors: Sequence[int]
    ) -> NoReturn:
        code = 1
        try:
            os.setsid()
            _heed_signals()
            bind_to_parent(template)
            for target, descriptor in enumerate(descriptors):
                os.dup2(descriptor, target)
            limit(self.memory)
            os.closerange(_STREAMS, os.sysconf("SC_OPEN_MAX"))
            _reopen_streams()
            enter(self.entry, arguments)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - a child never returns into the template's loop.
            traceback.print_exc()
        finally:
            _leave(code)

    def _answer(self, answer: dict[str, Any], *descriptors: int) -> None:
        message = json.dumps(answer).encode()
        ancillary = [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors).tobytes())
        ]
        self.server.sendmsg([message], ancillary if descriptors else [])


def _heed_signals() -> None:
    """As in a fresh interpreter."""
    for signum in _NOT_FOR_US:
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _reopen_streams() -> None:
    """Streams of this child: those of the template know other files."""
    sys.stdin = io.open(0, encoding="utf-8", closefd=False)  # noqa: SIM115, UP020 - for good.
    sys.stdout = io.open(  # noqa: SIM115, UP020 - as above.
        1, "w", encoding="utf-8", errors="backslashreplace", closefd=False
    )
    sys.stderr = io.open(  # noqa: SIM115, UP020 - as above.
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


def _leave(code: int) -> NoReturn:
    """End without the template's exit handlers; what cannot be written is lost either way."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 1
    os._exit(code)


def prepare(name: str) -> None:
    """Import a module; of ``module:function`` the function is called too."""
    if ":" in name:
        load(name)()
    else:
        importlib.import_module(name)


def main(parent: int, memory: int, entry: str, descriptor: int, preload: Sequence[str]) -> None:
    """Import everything, then serve."""
    bind_to_parent(parent)
    for signum in _NOT_FOR_US:
        signal.signal(signum, signal.SIG_IGN)
    for name in preload:
        prepare(name)
    load(entry)
    settle_memory()
    Template(socket.socket(fileno=descriptor), entry, memory).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5:])
