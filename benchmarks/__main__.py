"""``python -m benchmarks [startup] [apply] [runs] [fan_out]``: measure, and write the tables."""

from __future__ import annotations

import sys

from benchmarks import apply, fan_out, runs, startup

PARTS = {"startup": startup.main, "apply": apply.main, "runs": runs.main, "fan_out": fan_out.main}


def main() -> None:
    """Run the named parts, or all."""
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
