"""The emulator's idea of now: real, or moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Now = Callable[[], datetime]
"""Gives the time, aware; ``testing.clock.VirtualClock`` is one that stands still until moved."""
