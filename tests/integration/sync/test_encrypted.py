"""A workspace whose event texts are stored encrypted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.encryption import MASTER, seal, unseal, wrap
from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import DAY_ONE, check_quiet, ending, part_of, run, written
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

TEXTS = {"summary": "Cardiologist", "description": "Bring the letter", "location": "Ward 7"}


@pytest.fixture
def scene(any_scene: Scene) -> Scene:
    """As ``any_scene``, with the workspace's key."""
    seed.create_encryption_key(any_scene.connection, any_scene.ws_id, wrap())
    any_scene.master_key = MASTER
    return any_scene


def stored(scene: Scene) -> dict[str, dict[str, Any]]:
    rows = scene.connection.execute(
        "select external_event_id, title, description, location, is_encrypted"
        " from workspace_calendar_events where provider = 'google'"
    ).fetchall()
    names = ("title", "description", "location", "is_encrypted")
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def test_texts_are_written_encrypted_and_compared_in_plain(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, **TEXTS)
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 1)
    row = stored(scene)["one"]
    assert row.pop("is_encrypted") is True
    assert [unseal(text) for text in row.values()] == list(TEXTS.values())
    check_quiet(scene)
    assert part_of(run(scene, full=True))["unchanged"] == 1


def test_an_empty_text_stays_empty(scene: Scene) -> None:
    scene.put("one", *DAY_ONE)
    assert run(scene).exit_code == 0
    row = stored(scene)["one"]
    assert (row["description"], row["location"]) == ("", "")
    assert unseal(row["title"]) == "Untitled Event"


def test_a_change_is_written_and_an_equal_text_of_the_app_is_not(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, **TEXTS)
    assert run(scene).exit_code == 0
    scene.connection.execute(
        "update workspace_calendar_events set title = %s", (seal(TEXTS["summary"]),)
    )
    check_quiet(scene)
    scene.emulator.patch_event(CALENDAR, "one", {"summary": "Dentist"})
    assert part_of(run(scene))["updated"] == 1
    assert unseal(stored(scene)["one"]["title"]) == "Dentist"


def test_a_row_that_was_left_in_plain_is_encrypted(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, **TEXTS)
    assert run(scene).exit_code == 0
    scene.connection.execute(
        "update workspace_calendar_events set title = 'Cardiologist', is_encrypted = false"
    )
    assert part_of(run(scene, full=True))["updated"] == 1
    row = stored(scene)["one"]
    assert (unseal(row["title"]), row["is_encrypted"]) == ("Cardiologist", True)


def test_text_that_the_account_may_not_see_stays_as_it_is(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, visibility="private", **TEXTS)
    assert run(scene).exit_code == 0
    scene.emulator.add_fault(Fault(kind=FaultKind.ROLE_CHANGE, role="freeBusyReader"))
    assert run(scene, full=True).exit_code == 0
    assert unseal(stored(scene)["one"]["title"]) == "Cardiologist"


def test_long_texts_are_cut_in_plain_on_a_whole_character(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, summary="é" * 200, description="漢" * 9_000, location="🙂" * 900)
    result = run(scene)
    assert (ending(result), part_of(result)["rejected"]) == ((0, "succeeded"), [])
    row = stored(scene)["one"]
    assert unseal(row["title"]) == "é" * 80
    assert unseal(row["description"]) == "漢" * 2490
    assert unseal(row["location"]) == "🙂" * 180
    check_quiet(scene)


@pytest.mark.parametrize("master", [None, "", "another key"])
@pytest.mark.parametrize("full", [False, True])
def test_without_its_key_nothing_is_asked_and_nothing_written(
    scene: Scene, master: str | None, *, full: bool
) -> None:
    scene.master_key = master
    scene.put("one", *DAY_ONE)
    before = written(scene)
    assert ending(run(scene, full=full)) == (78, "encryption_key_missing")
    assert ending(scene.preview(full=full)) == (78, "encryption_key_missing")
    assert scene.emulator.requests == ()
    assert written(scene) == before


def test_a_key_that_does_not_unwrap_counts_as_missing(any_scene: Scene) -> None:
    seed.create_encryption_key(any_scene.connection, any_scene.ws_id, "d3JhcHBlZA==")
    any_scene.master_key = MASTER
    assert ending(run(any_scene)) == (78, "encryption_key_missing")


def test_a_row_of_a_workspace_without_key_becomes_plain_again(any_scene: Scene) -> None:
    scene = any_scene
    scene.put("one", *DAY_ONE, **TEXTS)
    assert run(scene).exit_code == 0
    scene.connection.execute(
        "update workspace_calendar_events set title = %s, is_encrypted = true", (seal("Old"),)
    )
    assert part_of(run(scene, full=True))["updated"] == 1
    assert stored(scene)["one"]["title"] == "Cardiologist"
    assert stored(scene)["one"]["is_encrypted"] is False


def test_a_master_key_alone_encrypts_nothing(any_scene: Scene) -> None:
    any_scene.master_key = MASTER
    any_scene.put("one", *DAY_ONE, **TEXTS)
    assert run(any_scene).exit_code == 0
    assert stored(any_scene)["one"]["is_encrypted"] is False


def test_an_old_row_is_taken_over_and_encrypted(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, **TEXTS)
    assert run(scene).exit_code == 0
    scene.connection.execute(
        "update workspace_calendar_events set external_calendar_id = 'primary',"
        " title = 'Cardiologist', description = '', location = null, is_encrypted = false"
    )
    assert part_of(run(scene, full=True))["updated"] == 1
    row = stored(scene)["one"]
    assert unseal(row["location"]) == "Ward 7"
