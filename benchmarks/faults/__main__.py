"""``python -m benchmarks.faults``: the matrix, as a table and as JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from benchmarks.faults.matrix import WAYS, main

RESULTS = Path(__file__).parents[1] / "results" / "faults.json"


def render() -> None:
    """Measure, print the table, keep the figures."""
    matrix = main()
    names = [way.replace("_", " ") for way in WAYS]
    print("| fault | " + " | ".join(names) + " |")
    print("| --- |" + " --- |" * len(names))
    for fault, cells in matrix.items():
        print(f"| {fault} | " + " | ".join(str(cells[way]) for way in WAYS) + " |")
    figures = {
        fault: {way: dataclasses.asdict(cell) for way, cell in cells.items()}
        for fault, cells in matrix.items()
    }
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


render()
