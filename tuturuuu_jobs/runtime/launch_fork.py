"""Children as copies of a preloaded process: a start costs milliseconds instead of an import.

Invariant: the parent forks nothing itself; it has connections that a copy would share. It asks a
template process to fork, and learns from it how each child ended. If the template dies its
children die with it, and nobody knows how; the next start makes another one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Any, Final, Self

from typing_extensions import override

from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.runtime.children import (
    Launcher,
    Process,
    Program,
    StartLostError,
    no_process,
)

_LONGEST_ANSWER: Final = 4096
# Importing everything on a busy machine takes seconds; any other answer takes milliseconds.
_PATIENCE_S: Final = 60.0
_TRIES: Final = 2


class _TemplateGoneError(Exception):
    """Nobody answers any more."""


class _Template:
    """The parent's end of a template process."""

    def __init__(self, program: Program) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = (
            *(sys.executable, "-P", "-m", "tuturuuu_jobs.runtime.template"),
            *(str(os.getpid()), str(program.memory), program.entry, str(theirs.fileno())),
            *program.preload,
        )
        self._socket = ours
        ours.settimeout(_PATIENCE_S)
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module.
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=dict(program.environ),
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        self._ready = False

    def ask(
        self, request: dict[str, Any], descriptors: tuple[int, ...] = ()
    ) -> tuple[dict[str, Any], list[int]]:
        """One answer to one request, and the descriptors that came with it."""
        try:
            if not self._ready:
                self._receive()
                self._ready = True
            socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors)
            return self._receive()
        except OSError:
            self.close()
            raise _TemplateGoneError from None

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        message, descriptors, _, _ = socket.recv_fds(self._socket, _LONGEST_ANSWER, 1)
        if not message:
            raise ConnectionResetError
        return json.loads(message), descriptors

    def close(self) -> None:
        """End it, and with it whatever children it still has; idempotent."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


class _ForkProcess:
    """A child of a template."""

    def __init__(self, template: _Template, pid: int, pidfd: int) -> None:
        self._template = template
        self.pid = pid
        self.pidfd = pidfd

    def reap(self) -> int | None:
        os.close(self.pidfd)
        with contextlib.suppress(_TemplateGoneError):
            answer, _ = self._template.ask({"reap": self.pid})
            return int(answer["returncode"])
        return None


def _open(program: Program) -> _Template:
    try:
        return _Template(program)
    except OSError as error:
        raise no_process(error) from None


def _process(template: _Template, pid: int, descriptors: list[int]) -> _ForkProcess:
    if descriptors:
        return _ForkProcess(template, pid, descriptors[0])
    # There was no room for it here: nobody would see the child end.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    template.ask({"reap": pid})
    raise no_process(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))


class ForkLauncher(Launcher):
    """Starts each child as a copy of one template, which is started with the first of them."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._template: _Template | None = None
        self._deaths = 0

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the template."""
        if self._template is not None:
            self._template.close()
            self._template = None

    @override
    def start(self, arguments: tuple[str, ...], *, stdin: int, stdout: int, stderr: int) -> Process:
        template = self._template = self._template or _open(self._program)
        try:
            answer, descriptors = template.ask({"arguments": arguments}, (stdin, stdout, stderr))
        except _TemplateGoneError:
            # Somebody killed it; that is no reason to end the fan-out.
            self._template = None
            self._deaths += 1
            if self._deaths < _TRIES:
                raise StartLostError from None
            raise UnavailableError(
                "the process that children are copied from does not stay alive",
                code="no_template",
                hint="try --launcher exec, and look at the memory limit of this unit",
            ) from None
        self._deaths = 0
        if "error" in answer:
            raise no_process(OSError(0, answer["error"]))
        return _process(template, answer["pid"], descriptors)
