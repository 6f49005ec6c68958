"""A template that is killed between a child's first words and the answer that there is a child.

``arm`` is called in the template before it serves; ``main`` is the entry of its children.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.contract import behaviours

FOLDER = "DYING_FOLDER"


def arm() -> None:
    folder = Path(os.environ[FOLDER])
    if (folder / "died").exists():
        return
    template: Any = sys.modules["__main__"]
    answer = template.Template._answer

    def die(self: Any, message: dict[str, Any], *descriptors: int) -> None:
        if "pid" not in message:
            answer(self, message, *descriptors)
            return
        while not (folder / "read").exists():
            time.sleep(0.001)
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    template.Template._answer = die


def main() -> None:
    content = sys.stdin.buffer.read()
    folder = Path(os.environ[FOLDER])
    first = not (folder / "died").exists()
    (folder / "read").touch()
    if first:
        signal.pause()
    behaviours.RUN_ID = sys.argv[2]
    behaviours.say(behaviours.envelope(data={"read": content.decode()}))
