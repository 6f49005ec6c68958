"""What ``orchestrate`` costs: one child, many of them, and the ledger's share of a run."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.family import Family, run_family
from benchmarks.measure import Row, ratios, write
from benchmarks.questions import Tally, tally_run
from benchmarks.workspaces import Asked, Fleet, fleet_of

SIZES: Final = (500, 2_000)
FEW: Final = {"fork": 20, "exec": 4}
MANY: Final = {"fork": 200, "exec": 16}
CHILD_MS: Final = 15.0
MINUTE_S: Final = 60.0


def _empty(launcher: str, size: int) -> Family:
    command = [sys.executable, "-m", "benchmarks.empty", launcher, str(size)]
    return run_family(command, {"PATH": os.environ.get("PATH", "")}, None)


def _one_child(launcher: str, run: Callable[[int], Family]) -> Family:
    few, many = FEW[launcher], MANY[launcher]
    smaller = run(few)
    return run(many).per_child(smaller, many - few)


def measure_children(fleet: Fleet, launcher: str, rounds: int) -> Iterator[Row]:
    """One child with nothing to sync, beside one that does nothing at all."""
    full: list[Family] = []
    empty: list[Family] = []
    for _ in range(rounds):
        full.append(
            _one_child(
                launcher,
                lambda size: run_family(fleet.command(launcher, size), fleet.environment, size),
            )
        )
        empty.append(_one_child(launcher, lambda size: _empty(launcher, size)))
    together = [1000 * family.together for family in full]
    bar = f"at most {CHILD_MS:.0f} ms" if launcher == "fork" else ""
    yield Row(
        f"{launcher}: CPU time of one child, all processes",
        f"an empty child, {launcher}",
        "ms",
        together,
        ratios(together, [1000 * family.together for family in empty]),
        bar,
        statistics.median(together) <= CHILD_MS if bar else None,
    )
    for part in ("parent", "template", "children"):
        figures = [1000 * getattr(family, part) for family in full]
        if any(figures):
            yield Row(f"{launcher}: of it the {part}", "", "ms", figures, [])


def measure_sizes(fleet: Fleet, rounds: int) -> Iterator[Row]:
    """Whole fan-outs, small and large."""
    walls: dict[int, list[float]] = {size: [] for size in SIZES}
    asked: list[Asked] = []
    for _ in range(rounds):
        for size in SIZES:
            family = run_family(fleet.command("fork", size), fleet.environment, size)
            walls[size].append(family.wall)
            asked.append(fleet.asked())
    for size in SIZES:
        bar = "at most 60 s" if size == SIZES[-1] else ""
        met = statistics.median(walls[size]) <= MINUTE_S if bar else None
        yield Row(f"{size:,} workspaces without changes", "", "s", walls[size], [], bar, met)
    small, large = ([1000 * wall / size for wall in walls[size]] for size in SIZES)
    yield Row(
        f"time per workspace, of {SIZES[1]:,}",
        f"of {SIZES[0]:,}",
        "ms",
        large,
        ratios(large, small),
    )
    refused = [float(one.refused) for one in asked]
    yield Row("requests refused by a quota", "", "of them", refused, [], "none", not any(refused))


def measure_questions(fleet: Fleet, rounds: int) -> Iterator[Row]:
    """What of an idle run is the ledger's."""
    tallies = [tally_run(fleet.environment, fleet.workspaces[0]) for _ in range(rounds + 1)][1:]
    whole = [1000 * tally.whole for tally in tallies]
    for kind in ("ledger", "locks", "quota", "work"):
        yield _share(kind, tallies, whole)


def _share(kind: str, tallies: list[Tally], whole: list[float]) -> Row:
    figures = [1000 * tally.seconds.get(kind, 0.0) for tally in tallies]
    count = tallies[0].count.get(kind, 0)
    return Row(
        f"{count} questions to the database: {kind}",
        "a whole run with nothing to do",
        "ms",
        figures,
        ratios(figures, whole),
    )


def main(rounds: int = 3) -> None:
    """The cost of a child under both launchers, two sizes, the ledger's share."""
    with fleet_of(SIZES[-1]) as fleet:
        fleet.prepare()
        rows = [
            *measure_children(fleet, "fork", 2 * rounds - 1),
            *measure_children(fleet, "exec", rounds),
            *measure_sizes(fleet, max(1, rounds - 1)),
            *measure_questions(fleet, 10 * rounds),
        ]
    write("fan_out", "Fan-outs", rows)
