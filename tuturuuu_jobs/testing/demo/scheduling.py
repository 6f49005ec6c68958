"""The demo's second half: habits and tasks into free time, looked at by other means afterwards."""

from __future__ import annotations

import dataclasses
from typing import Any, Final, LiteralString

import psycopg

from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.testing.demo.runs import Commands, Ran, Wanted
from tuturuuu_jobs.testing.demo.screen import Screen
from tuturuuu_jobs.testing.demo.wishes import make_wishes
from tuturuuu_jobs.testing.demo.world import PERSONAL, TEAM, Workspace, World

_COLUMNS: Final = ("new", "moved", "gone", "kept", "amiss")
_COUNTS: Final = ("eventsCreated", "eventsUpdated", "eventsDeleted", "eventsReused")
HOPELESS: Final = "too_long_for_any_block"


@dataclasses.dataclass
class Scheduling:
    """What happened so far.

    Attributes:
        runs: Every run with the title of its step.
        problems: Everything that was not as it should be, one line each.
    """

    world: World
    connection: psycopg.Connection[Any]
    commands: Commands
    screen: Screen
    clock: Clock
    runs: list[tuple[str, Ran]] = dataclasses.field(default_factory=list[tuple[str, Ran]])
    problems: list[str] = dataclasses.field(default_factory=list[str])

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """Those with something to schedule."""
        return self.world[PERSONAL], self.world[TEAM]

    def tell(self) -> None:
        """All steps in order."""
        self._wish()
        for workspace in self.workspaces:
            self._look(workspace)
        self._run("Schedule both")
        self._examine()
        before = physical(self.connection)
        self._run("The same again: nothing is written")
        self._expect_untouched(before)

    def to_json(self) -> list[dict[str, Any]]:
        """The runs for programs."""
        return [
            {
                "step": title,
                "command": ran.command,
                "exit_code": ran.exit_code,
                "ending": ran.ending,
                "as_expected": ran.as_expected,
                **dict(zip(_COLUMNS, shown(ran), strict=True)),
            }
            for title, ran in self.runs
        ]

    def _wish(self) -> None:
        self.screen.title("Habits and tasks that want time, in a personal and a team workspace")
        wishes = make_wishes(self.connection, self.world, self.clock.now())
        rows = [(wish.workspace, wish.whose, wish.what, wish.how) for wish in wishes]
        self.screen.table(("workspace", "whose", "what", "how"), rows)

    def _look(self, workspace: Workspace) -> None:
        self.screen.title(f"What a schedule would do in the {workspace.name} workspace")
        command = f"schedule --ws ${workspace.variable} --window-days 7 --dry-run -v"
        self.screen.line(f"$ tuturuuu-jobs {command}")
        words = command.replace(f"${workspace.variable}", str(workspace.ws_id)).split()
        [ended] = self.commands.call_all([words])
        self.screen.lines(ended.stdout.splitlines())
        if ended.exit_code or "# busy" not in ended.stdout:
            self.problems.append(f"{command} ended with {ended.exit_code} and drew no week")

    def _run(self, title: str) -> None:
        self.screen.title(title)
        runs = self.commands.run_all("schedule", [(w, Wanted()) for w in self.workspaces])
        for ran in runs:
            self.screen.line(f"$ {ran.command}")
        self.screen.table(
            ("workspace", "exit", "ending", *_COLUMNS),
            [(ran.workspace.name, ran.exit_code, ran.ending, *shown(ran)) for ran in runs],
        )
        self.runs += [(title, ran) for ran in runs]
        for ran in runs:
            if not ran.as_expected:
                self.problems.append(f"{title}: {ran.command} ended with {ran.exit_code}")
        told = {finding["reason"] for ran in runs for finding in ran.data["unplaced"]}
        if HOPELESS not in told:
            self.problems.append(f"{title}: nobody is told that 20 h fit into no day")

    def _examine(self) -> None:
        """The rows that were written against the rules that a person would check first."""
        self.screen.title("What was written, looked at by queries of its own")
        rows: list[tuple[object, ...]] = []
        for ran in (ran for _, ran in self.runs):
            found = examine(self.connection, ran.workspace)
            rows.append((ran.workspace.name, *dataclasses.astuple(found)))
            amiss = dataclasses.asdict(found)
            written = amiss.pop("events")
            if written != ran.data["summary"]["eventsTotal"] or not written:
                self.problems.append(f"{ran.workspace.name}: {written} events are in the table")
            self.problems += [f"{ran.workspace.name}: {n} {why}" for why, n in amiss.items() if n]
        names = [field.name.replace("_", " ") for field in dataclasses.fields(Examined)]
        self.screen.table(("workspace", *names), rows)

    def _expect_untouched(self, before: list[tuple[Any, ...]]) -> None:
        changed = [sum(shown(ran)[:3]) for _, ran in self.runs[-len(self.workspaces) :]]
        if any(changed) or physical(self.connection) != before:
            self.problems.append("the second schedule wrote rows that had not changed")
        else:
            self.screen.line(f"{len(before)} rows lie where they lay (ctid and xmin are equal)")


def shown(ran: Ran) -> tuple[int, ...]:
    """The counts under the names of the columns."""
    summary = ran.data["summary"]
    return (*(summary[name] for name in _COUNTS), len(ran.data["unplaced"]))


_PHYSICAL: Final[LiteralString] = """
select id, ctid::text, xmin::text from workspace_calendar_events
union all select id, ctid::text, xmin::text from habit_calendar_events
union all select id, ctid::text, xmin::text from task_calendar_events
order by 1
"""


def physical(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Where each event and link lies and which transaction wrote it."""
    return connection.execute(_PHYSICAL).fetchall()


@dataclasses.dataclass(frozen=True, slots=True)
class Examined:
    """The events of habits and tasks in a workspace, and how many break a rule."""

    events: int
    overlaps: int
    out_of_hours: int
    without_reason: int


_EXAMINE: Final[LiteralString] = """
with own as (
    select e.id, tstzrange(e.start_at, e.end_at) as span, e.scheduling_metadata ->> 'user' as whose,
           e.start_at at time zone %(zone)s as first, e.end_at at time zone %(zone)s as last,
           coalesce(h.scheduling_reason, t.scheduling_reason) as reason
    from workspace_calendar_events e
    left join habit_calendar_events h on h.event_id = e.id
    left join task_calendar_events t on t.event_id = e.id
    where e.ws_id = %(ws_id)s and (h.id is not null or t.id is not null)
), busy as (
    select id, tstzrange(start_at, end_at) as span, scheduling_metadata ->> 'user' as whose
    from workspace_calendar_events
    where ws_id = %(ws_id)s and start_at < end_at
      and scheduling_metadata ->> 'busy' is distinct from 'false'
)
select count(*),
       count(*) filter (where exists (
           select from busy where busy.id <> own.id and busy.span && own.span
             and (busy.whose is null or own.whose is null or busy.whose = own.whose))),
       count(*) filter (where first::time < '07:00' or last::time > '23:00'
                              or first::date <> last::date),
       count(*) filter (where reason is null)
from own
"""


def examine(connection: psycopg.Connection[Any], workspace: Workspace) -> Examined:
    """Count what a person would look at first; two members may work at the same time."""
    place = workspace.places[0]
    zone = place.workspace_zone or place.calendar_zone
    row = connection.execute(_EXAMINE, {"ws_id": workspace.ws_id, "zone": zone}).fetchone()
    return Examined(*row) if row else Examined(0, 0, 0, 0)
