"""A demo that is left running: where it is noted, the shell file that leads there, and its end.

The note is ``demo.json`` in the demo's own folder, ``demo`` below the state directory. A shell that
has read the file has that folder as its state directory, and finds the note there as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tuturuuu_jobs.errors import SettingsError, UsageError
from tuturuuu_jobs.runtime.identity import ProcessIdentity, is_alive, read_identity
from tuturuuu_jobs.testing.demo.stage import Stage
from tuturuuu_jobs.testing.postgres import stop_detached

_NOTE: Final = "demo.json"
_HEAD: Final = (
    "# tuturuuu-jobs demo: settings of a demo that runs until `tuturuuu-jobs demo --stop`\n"
)
_POLLS: Final = 200
_POLL_S: Final = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """What runs and what there is on disk.

    Attributes:
        emulator: Its process.
        postgres: The folder of Postgres.
        folder: The demo's own folder.
        made: Directories above it that were made for it, innermost first.
        env_file: The shell file.
    """

    emulator: ProcessIdentity
    postgres: Path
    folder: Path
    made: tuple[Path, ...]
    env_file: Path


def folder_below(state_dir: Path) -> Path:
    """The demo's own folder for this state directory."""
    return state_dir if (state_dir / _NOTE).exists() else state_dir / "demo"


def make_folder(folder: Path) -> tuple[Path, ...]:
    """Make it, private; gives the directories above it that were missing, innermost first.

    Raises SettingsError if that is not possible.
    """
    missing = tuple(path for path in folder.parents if not path.exists())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise SettingsError(
            f"cannot make {folder}: {reason}", hint="name a writable place with --state-dir"
        ) from None
    return missing


def check_env_file(path: Path) -> Path:
    """The absolute path of a shell file that may be written; UsageError if it may not."""
    path = path.absolute()
    if path.exists() and not _is_ours(path):
        raise UsageError(f"--env-file: {path} exists and is not a demo's", hint="name another file")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(
            f"--env-file: {path} cannot be written", hint="name a file in a writable directory"
        )
    return path


def keep(stage: Stage, env_file: Path, made: tuple[Path, ...]) -> None:
    """Note what runs, so that it can be stopped whatever happens to this process."""
    kept = Kept(
        emulator=_identity_of(stage.google.process.pid),
        postgres=stage.postgres_folder,
        folder=stage.folder,
        made=made,
        env_file=env_file,
    )
    note = json.dumps(dataclasses.asdict(kept), default=str, indent=1)
    _write_private(stage.folder / _NOTE, note + "\n")


def write_env_file(path: Path, variables: Mapping[str, str]) -> None:
    """A file for the shell, readable by its owner only."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    _write_private(path, "".join([_HEAD, *lines]))


def find_kept(state_dir: Path) -> Kept | None:
    """What was noted, running or not; None if there is no note."""
    note = folder_below(state_dir) / _NOTE
    try:
        found: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        return Kept(
            emulator=ProcessIdentity(**found["emulator"]),
            postgres=Path(found["postgres"]),
            folder=note.parent,
            made=tuple(Path(path) for path in found["made"]),
            env_file=Path(found["env_file"]),
        )
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise SettingsError(f"cannot read {note}", hint="remove that file") from error


def is_running(kept: Kept) -> bool:
    """Whether its emulator still answers for it."""
    return is_alive(kept.emulator, read_identity()) is not False


def stop(kept: Kept, sleep: Callable[[float], None]) -> list[Path]:
    """End both processes and remove everything; gives what was removed."""
    _end(kept.emulator, sleep)
    stop_detached(kept.postgres)
    removed = [kept.postgres, kept.folder]
    if kept.env_file.exists() and _is_ours(kept.env_file):
        kept.env_file.unlink()
        removed.append(kept.env_file)
    remove_folder(kept.folder, kept.made)
    return removed


def remove_folder(folder: Path, made: tuple[Path, ...]) -> None:
    """Remove the demo's folder, and those above it that were made for it and are empty."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    for parent in made:
        with contextlib.suppress(OSError):
            parent.rmdir()


def _end(process: ProcessIdentity, sleep: Callable[[float], None]) -> None:
    here = read_identity()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if is_alive(process, here) is False:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        for _ in range(_POLLS):
            if is_alive(process, here) is False:
                return
            sleep(_POLL_S)


def _identity_of(pid: int) -> ProcessIdentity:
    """The identity of a child of ours: everything but its number and start is our own."""
    start = None
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        # From the third field on; the second may hold spaces. See proc_pid_stat(5).
        start = int(stat[stat.rindex(")") + 1 :].split()[19])
    return dataclasses.replace(read_identity(), pid=pid, pid_start=start)


def _is_ours(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError), path.open(encoding="utf-8") as stream:
        return stream.readline() == _HEAD
    return False


def _write_private(path: Path, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
