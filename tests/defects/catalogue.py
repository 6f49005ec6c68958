"""Every known mistake, in the order of the table."""

from __future__ import annotations

from typing import Final

from tests.defects import of_runtime, of_schedule, of_sync

SEEDS: Final = (*of_sync.SEEDS, *of_schedule.SEEDS, *of_runtime.SEEDS)
