"""What a timer relies on: slots from its own instant, and a trace for the monitor."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.acceptance.command import document
from tests.acceptance.forked import run
from tests.acceptance.scenery import put_tomorrow, settings_of
from tests.fixtures.scene import Scene


def test_two_starts_for_one_instant_do_its_work_once(scene: Scene) -> None:
    environ = settings_of(scene)
    put_tomorrow(scene, "meeting")
    fired = datetime.now(UTC) - timedelta(minutes=1)
    environ["TRIGGER_TIMER_REALTIME_USEC"] = str(int(fired.timestamp() * 1_000_000))
    command = ("sync", "--ws", str(scene.ws_id), "--slot", "auto", "--every", "1h", "--json")
    first, second = (document(run(*command, **environ)) for _ in range(2))
    hour = fired.replace(minute=0, second=0, microsecond=0)
    assert (first["code"], first["slot"]) == ("succeeded", f"{hour:%Y-%m-%dT%H}:00:00.000Z")
    assert (second["code"], second["success"], second["slot"]) == ("already", True, first["slot"])
    assert scene.connection.execute("select count(*) from jobs.runs").fetchone() == (1,)
    forced = document(run(*command, "--force", **environ))
    assert forced["code"] == "succeeded"


def test_a_slot_that_is_too_old_is_left(scene: Scene) -> None:
    environ = settings_of(scene)
    slot = ("--slot", "2020-01-01T00:00:00Z", "--expires", "10m")
    result = document(run("sync", "--ws", str(scene.ws_id), *slot, "--json", **environ))
    assert (result["status"], result["exit_code"]) == ("expired", 0)


def test_an_option_of_slots_without_a_slot_is_a_usage_error(scene: Scene) -> None:
    environ = settings_of(scene)
    command = ("sync", "--ws", str(scene.ws_id), "--expires", "10m", "--json")
    result = document(run(*command, **environ))
    assert (result["exit_code"], result["errors"][0]["subject"]) == (2, "--expires")


def test_metrics_are_left_where_the_setting_says(scene: Scene, tmp_path: Path) -> None:
    environ = settings_of(scene) | {
        "TUTURUUU_JOBS_METRICS_DIR": str(tmp_path),
        "TUTURUUU_JOBS_PING_URL": "http://127.0.0.1:1/canary-ping/{job}",
    }
    ended = run("sync", "--ws", str(scene.ws_id), **environ)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    text = (tmp_path / "tuturuuu_jobs_sync.prom").read_text()
    assert 'tuturuuu_job_last_exit_code{job="sync"} 0\n' in text
    assert str(scene.ws_id) not in text
    chatty = run("sync", "--ws", str(scene.ws_id), "-vv", **environ)
    assert chatty.returncode == 0
    assert "canary-ping" not in chatty.stderr
