"""A child whose behaviour the test chose for its workspace; the last argument names the file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.contract import behaviours


def unavailable() -> int:
    behaviours.say(behaviours.envelope(69, "unavailable", code="away"))
    return 69


def main() -> None:
    payload = json.load(sys.stdin)
    chosen = json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8"))
    behaviours.RUN_ID = sys.argv[sys.argv.index("--run-id") + 1]
    name = chosen.get(payload["ws_id"], chosen["default"])
    sys.exit(unavailable() if name == "unavailable" else behaviours.BEHAVIOURS[name]())
