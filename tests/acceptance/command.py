"""The installed command as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

COMMAND = Path(sys.executable).with_name("tuturuuu-jobs")
PATIENCE_S = 300
"""Seconds after which a command hangs; the demo on a slow machine needs a third of them."""
SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs/result.schema.json").read_text(encoding="utf-8")
)


def run(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """The command with nothing in its environment but what the test puts there."""
    return subprocess.run(
        [COMMAND, *arguments],
        input=stdin,
        env=environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


def shell(line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", line],
        env={"JOBS": str(COMMAND), **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def document(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one document on standard output, which must agree with the exit code."""
    result: dict[str, Any] = json.loads(ended.stdout)
    jsonschema.validate(result, SCHEMA)
    assert ended.stdout.count("\n") == 1
    assert result["exit_code"] == ended.returncode
    assert result["success"] == (ended.returncode == 0)
    return result
