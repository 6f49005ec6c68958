"""What a statement that writes rows also tells the event log: their ids, in the same transaction.

An event names at most a thousand rows, so that a reader never has to hold a whole calendar.
"""

from __future__ import annotations

from typing import Final, LiteralString

_NUMBERED: Final[LiteralString] = """
), numbered as (
    select id, change, (row_number() over (partition by change order by id) - 1) / 1000 as page
    from written
), told as (
    insert into jobs.events (run_id, type, data)
    select %(run)s, 'rows.changed', jsonb_build_object(
               'account', %(account)s::uuid, 'change', change, 'ids', jsonb_agg(id order by id))
    from numbered group by change, page order by change, page
)
select count(*) filter (where change = 'inserted'), count(*) filter (where change <> 'inserted')
from written
"""


def telling(writing: LiteralString) -> LiteralString:
    """The same statement, which also tells what it did; selects how many it inserted, and others.

    Args:
        writing: Returns ``id`` and ``change`` (inserted, updated, deleted); the result takes the
            parameters ``run`` and ``account`` besides its own.
    """
    return "with written as (" + writing + _NUMBERED
