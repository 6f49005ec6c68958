"""``python -m benchmarks [startup] [apply] [runs] [fan_out] [fleet]``: measure, write tables."""

from __future__ import annotations

import sys

from benchmarks import apply, fan_out, runs, startup
from benchmarks.fleet import measuring as fleet

PARTS = {
    "startup": startup.main,
    "apply": apply.main,
    "runs": runs.main,
    "fan_out": fan_out.main,
    "fleet": fleet.main,
}


def main() -> None:
    """Run the named parts, or all."""
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
