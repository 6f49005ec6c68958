from tests.fixtures.scene import CALENDAR, Scene


def test_a_first_sync_brings_every_event_and_the_second_changes_nothing(any_scene: Scene) -> None:
    scene = any_scene
    scene.put("one", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", summary="Standup")
    scene.put("day", "2026-12-02", "2026-12-03", summary="Holiday", transparency="transparent")
    first = scene.sync()
    assert (first.exit_code, first.errors) == (0, ())
    assert scene.titles() == {"one": "Standup", "day": "Holiday"}
    assert first.data["calendars"][0]["why_full"] == "no_sync_token"
    before = scene.physical()
    second = scene.sync()
    assert second.data["calendars"][0]["mode"] == "incremental"
    assert second.data["totals"]["updated"] == 0
    assert scene.physical() == before
    scene.emulator.delete_event(CALENDAR, "one")
    third = scene.sync()
    assert third.data["totals"]["deleted"] == 1
    assert scene.titles() == {"day": "Holiday"}
