"""The console blocks of the documents, and the machine on which they are run.

Every block is run by a real shell, line by line as it stands, on a kept demo: paths of the system
lie below a directory of the test, and the few programs that would change the machine are stand-ins.
"""

from __future__ import annotations

import dataclasses
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from typing_extensions import override

ROOT: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(r"^( *)```(?:sh|console|bash)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)

PLACEHOLDERS: Final = {
    "5f0c...": "$WS_TEAM",
    "--ws ID": "--ws $WS_TEAM",
    "runs show ID": "runs show $RUN_ID",
    "replay ID": "replay $RUN_ID",
}
"""What a reader puts in, by how the documents write it."""

STAND_INS: Final = {
    "make": 'exec /usr/bin/env -u MAKEFLAGS "$REAL_MAKE" -n -C "$CHECKOUT" "$@" > /dev/null',
    "python3": 'if [ "$1 $2" = "-m venv" ]; then exec mkdir -p "$3"; fi; exec "$REAL_PYTHON" "$@"',
    "sudo": 'while :; do case "$1" in -u) shift 2;; *=*) shift;; *) exec "$@";; esac; done',
    "pip": "exit 0",
    "systemd-sysusers": 'test -f "$ROOT/etc/sysusers.d/tuturuuu-jobs.conf"',
    "systemd-tmpfiles": 'test -f "$ROOT/etc/tmpfiles.d/tuturuuu-jobs.conf"',
    "systemctl": 'for word in "$@"; do case "$word" in\n'
    '*.timer|*.service) test -f "$ROOT/etc/systemd/system/$word" || exit 1;; esac; done',
}
"""Programs that a test must not let at the machine; each still checks what it can."""


_PREAMBLE: Final = """\
set -eu
shopt -s expand_aliases
tuturuuu-jobs() {
    command tuturuuu-jobs "$@" || case "$1 $?" in "orchestrate 3") ;; *) return 1 ;; esac
}
"""
# One of the demo's workspaces has lost a calendar on purpose: its fan-outs are partial.


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block of commands.

    Attributes:
        page: The document, relative to the repository.
        number: Which of the page's blocks, from 1.
        text: The commands, without the page's indentation and prompts.
    """

    page: str
    number: int
    text: str

    @override
    def __str__(self) -> str:
        return f"{self.page}#{self.number}"


def pages() -> list[Path]:
    """Every document that a user reads."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks() -> Iterator[Block]:
    """Every console block of every document."""
    for page in pages():
        for number, found in enumerate(_FENCE.finditer(page.read_text(encoding="utf-8")), 1):
            indent, text = found.groups()
            lines = [line.removeprefix(indent).removeprefix("$ ") for line in text.splitlines()]
            yield Block(str(page.relative_to(ROOT)), number, "\n".join(lines) + "\n")


def script(block: Block) -> str:
    """The block as the shell gets it."""
    text = block.text
    for written, meant in PLACEHOLDERS.items():
        text = text.replace(written, meant)
    text = re.sub(r"(?<![\w.])/(opt|etc)/", r'"$ROOT"/\1/', text)
    return _PREAMBLE + text


class Machine:
    """A directory with a checkout, a root of its own, and the stand-ins first in PATH."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.home = directory / "checkout"
        programs = directory / "bin"
        for made in (self.home, programs, self.root / "opt/tuturuuu-jobs/bin"):
            made.mkdir(parents=True)
        for name in ("sysusers.d", "tmpfiles.d", "systemd/system", "tuturuuu-jobs"):
            (self.root / "etc" / name).mkdir(parents=True)
        (self.root / "etc/tuturuuu-jobs/config.toml").touch()
        (self.home / ".venv").symlink_to(Path(sys.prefix))
        for name in ("systemd", "constraints.txt", "Makefile", "crontab.example", "benchmarks"):
            (self.home / name).symlink_to(ROOT / name)
        command = Path(sys.executable).with_name("tuturuuu-jobs")
        for place in (programs, self.root / "opt/tuturuuu-jobs/bin"):
            (place / "tuturuuu-jobs").symlink_to(command)
        for name, text in STAND_INS.items():
            for place in (programs, self.root / "opt/tuturuuu-jobs/bin"):
                program = place / name
                program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
                program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.environ = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(directory),
            "XDG_STATE_HOME": str(directory / "state"),
            "ROOT": str(self.root),
            "CHECKOUT": str(ROOT),
            "REAL_MAKE": "/usr/bin/make",
            "REAL_PYTHON": sys.executable,
            "LANG": "C.UTF-8",
            **{name: os.environ[name] for name in ("TMPDIR",) if name in os.environ},
        }

    def run(self, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run lines in one shell, in the checkout."""
        return subprocess.run(
            ["/bin/bash", "-c", text],
            cwd=self.home,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=180,
            check=False,
        )
