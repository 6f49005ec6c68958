"""Which zone a workspace has."""

from uuid import UUID

import pytest

from tuturuuu_jobs.errors import RejectedError
from tuturuuu_jobs.workspaces.zones import parse_zone, resolve_zone

WS = UUID(int=1)


def resolve(workspace: str | None, owner: str | None, fallback: str | None = None) -> str:
    return resolve_zone(WS, workspace=workspace, owner=owner, fallback=fallback)


def test_48_the_workspace_comes_first_then_its_owner_then_the_caller() -> None:
    assert resolve("Europe/Berlin", "Asia/Ho_Chi_Minh", "UTC") == "Europe/Berlin"
    assert resolve("auto", "Asia/Ho_Chi_Minh", "UTC") == "Asia/Ho_Chi_Minh"
    assert resolve("auto", "auto", "America/New_York") == "America/New_York"
    assert resolve("Mars/Olympus", None, "UTC") == "UTC"


def test_49_a_workspace_without_any_zone_is_refused() -> None:
    with pytest.raises(RejectedError) as caught:
        resolve("auto", "", None)
    assert caught.value.code == "zone_unresolved"
    assert "--timezone" in str(caught.value.hint)


@pytest.mark.parametrize(
    "name",
    [
        *(None, "", " ", "auto", "localtime", "posixrules", "posix/UTC", "right/UTC", "America"),
        *("../../etc/passwd", "/etc/localtime", "UTC\0", "+07:00", "x" * 300, "Nowhere/At_All"),
    ],
)
def test_what_is_no_zone_of_the_database_is_none(name: str | None) -> None:
    assert parse_zone(name) is None


def test_space_around_a_name_does_not_count() -> None:
    assert parse_zone(" Asia/Kathmandu ") == "Asia/Kathmandu"
