"""``python -m benchmarks.scheduling [RUNS]``: plan everything, compare, and write the tables."""

from __future__ import annotations

import dataclasses
import json
import platform
import random
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.scheduling.baseline import Greedy
from benchmarks.scheduling.bound import upper_bound
from benchmarks.scheduling.days import moved, next_day
from benchmarks.scheduling.generator import Recipe, generate
from benchmarks.scheduling.sizes import sizes
from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.rules import violations
from tests.unit.scheduling.scorer import score
from tuturuuu_jobs.scheduling.decisions import Item, Plan
from tuturuuu_jobs.scheduling.model import Snapshot
from tuturuuu_jobs.scheduling.plan import plan

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE.parent / "results"
LOADS: Final = (0.5, 0.8, 1.0, 1.3)
DAYS: Final = (5, 7, 14, 30)
SEEDS: Final = range(1, 7)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One instance, planned by us and by the present scheduler."""

    name: str
    days: int
    load: float
    score: int
    baseline: int
    bound: int
    placed: float
    late: int
    distance: float
    milliseconds: float
    again: float
    broken: dict[str, int]
    moves: int
    changed: int
    redone: int


def measure(recipe: Recipe) -> Row:
    """Plan an instance, plan the applied plan again, and plan the day after it."""
    snapshot = generate(recipe)
    result, spent = _timed(snapshot)
    settled = applied(snapshot, result)
    second, again = _timed(settled)
    rival = Greedy(snapshot).run()
    later, changed = next_day(snapshot, result, random.Random(recipe.name))
    ours = score(snapshot, result.items)
    if violations(snapshot, result) or ours != result.score:
        raise SystemExit(f"{recipe.name}: the plan is not sound: {violations(snapshot, result)}")
    return Row(
        name=recipe.name,
        days=recipe.days,
        load=recipe.load,
        score=ours.total,
        baseline=score(snapshot, rival).total,
        bound=upper_bound(snapshot),
        placed=round(result.placed / result.required, 4),
        late=sum(item.late for item in result.items),
        distance=_distance(result.items, ours.distance),
        milliseconds=spent,
        again=again,
        broken=_broken(snapshot, rival),
        moves=moved(plan(later)),
        changed=changed,
        redone=len(second.changes),
    )


def _timed(snapshot: Snapshot) -> tuple[Plan, float]:
    """The plan and the CPU milliseconds of the quickest of three."""
    spent: list[float] = []
    result = Plan()
    for _ in range(3):
        started = time.process_time()
        result = plan(snapshot)
        spent.append(1000 * (time.process_time() - started))
    return result, round(min(spent), 2)


def _distance(items: Iterable[Item], weighted: int) -> float:
    """Weighted minutes times quarters of an hour away from the wanted time, per instance."""
    count = sum(1 for item in items if item.date is not None)
    return round(weighted / count, 1) if count else 0.0


def _broken(snapshot: Snapshot, items: list[Item]) -> dict[str, int]:
    """Hard rules that the present scheduler breaks; telling nobody is not counted."""
    texts = violations(snapshot, Plan(items=tuple(items)))
    return dict(Counter(text[:3].strip(":") for text in texts if "nobody is told" not in text))


def table(rows: Sequence[Row]) -> list[str]:
    """One line per days and load."""
    groups: defaultdict[tuple[int, float], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.days, row.load].append(row)
    lines = [
        (
            "| days | load | of the bound | over today's | placed | late min | distance | ms "
            "| again ms | moves per change |"
        ),
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (days, load), group in sorted(groups.items()):
        cells = [
            f"{statistics.mean(row.score / row.bound for row in group):.1%}",
            f"{statistics.mean(row.score / row.baseline - 1 for row in group):+.1%}",
            f"{statistics.mean(row.placed for row in group):.1%}",
            f"{statistics.mean(row.late for row in group):.0f}",
            f"{statistics.mean(row.distance for row in group):.0f}",
            f"{statistics.median(row.milliseconds for row in group):.1f}",
            f"{statistics.median(row.again for row in group):.1f}",
            f"{sum(row.moves for row in group) / sum(row.changed for row in group):.2f}",
        ]
        lines.append(f"| {days} | {load} | " + " | ".join(cells) + " |")
    return lines


def summary(rows: Sequence[Row]) -> list[str]:
    """The goals."""
    better = sum(row.score > row.baseline for row in rows)
    worst = min(rows, key=lambda row: row.score / row.baseline)
    broken: Counter[str] = Counter()
    for row in rows:
        broken.update(row.broken)
    moves = sum(row.moves for row in rows) / sum(row.changed for row in rows)
    times = sorted(row.milliseconds for row in rows)
    rules = ", ".join(f"{name} {count}" for name, count in sorted(broken.items()))
    return [
        (
            f"- Above today's scheduler on {better} of {len(rows)} instances "
            f"(goal 95 %); the worst is {worst.name} with {worst.score / worst.baseline - 1:+.1%} "
            "(goal -1 %)."
        ),
        f"- Moves per changed blocker on the day after: {moves:.2f} (goal 2).",
        f"- Hard rules broken: by ours none, by today's {rules}.",
        f"- Changes of a second run on the applied plan: {sum(row.redone for row in rows)}.",
        (
            f"- plan(): p50 {times[len(times) // 2]:.1f} ms, "
            f"p95 {times[len(times) * 95 // 100]:.1f} ms of CPU."
        ),
    ]


def described(machine: dict[str, str]) -> str:
    """What it was measured on."""
    return f"Python {machine['python']} on {machine['system'].partition('-')[0]}, one core."


def proved() -> list[str]:
    """Against the exact solver, as far as its results are there."""
    source = RESULTS / "scheduling-oracle.json"
    if not source.exists():
        return []
    rows = []
    for known in json.loads(source.read_text()):
        if known["bound"] is None or not 0 < known["bound"] < 1e12:
            continue
        recipe = Recipe(**known["recipe"])
        snapshot = generate(recipe)
        ours = score(snapshot, plan(snapshot).items).total
        best = max(known["score"], known["plan"], ours)
        rows.append((recipe, ours, best, known))
    lines = [
        "| instance | ours | best known | proved bound | below best | below bound | solver s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    gaps: list[tuple[float, float]] = []
    for recipe, ours, best, known in rows:
        gap, most = 1 - ours / best, 1 - ours / known["bound"]
        gaps.append((gap, most))
        lines.append(
            f"| {recipe.name} | {ours} | {best} | {known['bound']} | {gap:.2%} | {most:.2%} "
            f"| {known['seconds']} |"
        )
    if gaps:
        near, far = zip(*gaps, strict=True)
        lines += [
            "",
            (
                f"Gap to the best known plan: mean {statistics.mean(near):.2%}, worst "
                f"{max(near):.2%}; "
                f"to the proved bound: mean {statistics.mean(far):.2%}, worst {max(far):.2%}. "
                "Goals: mean 2 %, worst 8 %."
            ),
        ]
    return lines


def write(name: str, lines: Sequence[str]) -> None:
    """Put lines into the README between its markers."""
    page = HERE / "README.md"
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, _, rest = page.read_text().partition(begin)
    _, _, tail = rest.partition(end)
    page.write_text(f"{head}{begin}\n" + "\n".join(lines) + f"\n{end}{tail}")
    print("\n".join(lines))


def main() -> None:
    """Measure, keep the raw rows, and write the README."""
    seeds = list(SEEDS)[: int(sys.argv[1])] if sys.argv[1:] else list(SEEDS)
    recipes = [Recipe(days, load, seed) for days in DAYS for load in LOADS for seed in seeds]
    rows = [measure(recipe) for recipe in recipes]
    raw: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scheduling.json").write_text(json.dumps(raw, indent=1) + "\n")
    write("plans", [*table(rows), "", *summary(rows), f"- {described(raw['machine'])}"])
    write("proved", proved())
    write("sizes", sizes())


if __name__ == "__main__":
    main()
