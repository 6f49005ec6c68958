"""Which account a calendar is listed through."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest

from tuturuuu_jobs.sync.model import Calendar
from tuturuuu_jobs.sync.routes import may_sweep, plan_routes, rank

ADA, BOB, EVE = (UUID(int=number) for number in (1, 2, 3))
TEAM = "team@example.test"
ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


def accounts(*routes: Calendar) -> list[UUID]:
    return [route.account_id for route in routes]


def test_a_calendar_of_one_account_is_taken_as_it_is() -> None:
    calendar = Calendar(ADA, TEAM, role="reader")
    assert plan_routes([calendar], {(ADA, TEAM): "owner"}) == ((calendar,),)


def test_the_greater_role_is_first_and_then_the_older_account() -> None:
    group = [
        Calendar(ADA, TEAM, role="reader"),
        Calendar(BOB, TEAM, role="owner"),
        Calendar(EVE, TEAM, role="owner"),
    ]
    (routes,) = plan_routes(group, {})
    assert accounts(*routes) == [BOB, EVE, ADA]


def test_the_role_that_a_listing_told_beats_the_connected_one() -> None:
    group = [Calendar(ADA, TEAM, role="writer"), Calendar(BOB, TEAM, role="writer")]
    (routes,) = plan_routes(group, {(ADA, TEAM): "freeBusyReader"})
    assert accounts(*routes) == [BOB, ADA]


def test_a_calendar_connected_twice_by_one_account_has_one_route() -> None:
    (routes,) = plan_routes([Calendar(ADA, TEAM), Calendar(ADA, TEAM.upper())], {})
    assert routes == (Calendar(ADA, TEAM),)


@pytest.mark.parametrize("order", list(itertools.permutations([TEAM, TEAM.upper()])))
def test_ids_that_differ_in_case_become_one_spelling(order: tuple[str, str]) -> None:
    (routes,) = plan_routes([Calendar(ADA, order[0]), Calendar(BOB, order[1])], {})
    assert {route.calendar_id for route in routes} == {TEAM}


def test_deletion_needs_every_consent_and_outbound_any() -> None:
    group = [
        Calendar(ADA, TEAM, delete_enabled=False),
        Calendar(BOB, TEAM, outbound_enabled=True),
    ]
    (routes,) = plan_routes(group, {})
    assert [route.delete_enabled for route in routes] == [False, False]
    assert [route.outbound_enabled for route in routes] == [True, True]


def test_rows_belong_to_the_calendar_of_the_first_route() -> None:
    mine, theirs = UUID(int=10), UUID(int=11)
    group = [
        Calendar(ADA, TEAM, source_calendar_id=mine, role="reader"),
        Calendar(BOB, TEAM, source_calendar_id=theirs, role="owner"),
    ]
    (routes,) = plan_routes(group, {})
    assert {route.source_calendar_id for route in routes} == {theirs}


@pytest.mark.parametrize("listed", [None, *ROLES])
@pytest.mark.parametrize("wanted", ROLES)
def test_a_shared_calendar_is_swept_only_with_the_role_of_its_best_account(
    wanted: str, listed: str | None
) -> None:
    may = may_sweep(Calendar(ADA, TEAM, role_to_sweep=wanted), listed)
    assert may == (listed is not None and ROLES.index(listed) >= ROLES.index(wanted))


@pytest.mark.parametrize("listed", [None, *ROLES])
def test_a_calendar_of_one_account_is_swept_unless_it_shows_nothing(listed: str | None) -> None:
    assert may_sweep(Calendar(ADA, TEAM), listed) == (listed != "none")


@pytest.mark.parametrize("stored", [None, "write", "editor", "somethingNew"])
def test_what_the_app_may_write_to_counts_as_writer(stored: str | None) -> None:
    assert rank(stored) == rank("writer")
