from __future__ import annotations

from typing import Any

import pytest

from tests.integration.emulator.proof import ME, items, token
from tuturuuu_jobs.testing.emulator import Emulator, odd_events


@pytest.mark.parametrize("name", odd_events())
def test_odd_events_arrive_as_they_were_stored(emulator: Emulator, service: Any, name: str) -> None:
    first = token(service)
    body = odd_events()[name]
    emulator.put_event(ME, body, verbatim=True)
    assert items(service, syncToken=first) == [body]


def test_all_odd_events_fit_on_one_page(emulator: Emulator, service: Any) -> None:
    emulator.put_events(ME, odd_events().values(), verbatim=True)
    assert len(items(service)) == len(odd_events()) - 1
