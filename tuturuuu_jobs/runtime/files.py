"""Files that readers see complete or not at all, and what is left of those that were not finished.

Invariant: a file is written aside under a hidden name and renamed; it is readable by its owner only
unless the caller says otherwise.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_ASIDE: Final = ".tmp"
_UNREADABLE: Final = re.compile(r"[^a-z0-9._-]")


def entry_name(key: str) -> str:
    """What a key is called in a directory: readable, and distinct for keys that read alike."""
    readable = _UNREADABLE.sub("_", key)[:120]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def make_private(directory: Path) -> None:
    """Make a directory, and whatever is missing above it, for its owner only."""
    for place in (*reversed(directory.parents), directory):
        if not place.exists():
            place.mkdir(mode=0o700, exist_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that readers see complete or not at all, whatever ends this process.

    A power cut may take it, or its content; :func:`write_atomically` outlives that too.
    """
    _replace(path, content, mode=0o600, synced=False)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file that readers see complete or not at all, also after a power cut.

    Args:
        path: Replaced if it exists.
        content: All of it.
        mode: The rights on the file, whatever the umask.
    """
    _replace(path, content, mode=mode, synced=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _replace(path: Path, content: bytes, *, mode: int, synced: bool) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}{_ASIDE}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            if synced:
                os.fsync(descriptor)
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def encode(document: dict[str, Any]) -> bytes:
    """A document as one line of ASCII."""
    return (json.dumps(document, ensure_ascii=True) + "\n").encode()


def read_document(path: Path) -> dict[str, Any] | None:
    """What was encoded, or None if the file is gone or holds something else."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def remove_older(directory: Path, moment: float, *, unfinished: float) -> int:
    """Remove the files below a directory that were last written before a moment; counts them.

    Directories that are left empty go too. What cannot be removed stays.

    Args:
        directory: Need not exist.
        moment: Seconds since 1970.
        unfinished: The same for files that a killed process left half written.
    """
    removed = 0
    for path in _walk(directory):
        with contextlib.suppress(OSError):
            limit = unfinished if _is_aside(path.name) else moment
            if path.is_dir():
                path.rmdir()
            elif path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed


def _is_aside(name: str) -> bool:
    return name.startswith(".") and name.endswith(_ASIDE)


def _walk(directory: Path) -> Iterator[Path]:
    """Everything below, the content of a directory before itself."""
    for folder, folders, files in os.walk(directory, topdown=False):
        yield from (Path(folder, name) for name in (*files, *folders))
