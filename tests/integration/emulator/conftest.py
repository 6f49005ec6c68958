"""One account with its service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.emulator.proof import ME
from tuturuuu_jobs.testing.emulator import Account, Emulator


@pytest.fixture
def account(emulator: Emulator) -> Account:
    return emulator.add_account(ME)


@pytest.fixture
def service(account: Account, google_service: Callable[[Account], Any]) -> Any:
    return google_service(account)
