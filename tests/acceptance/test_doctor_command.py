"""``doctor`` as a process, the recipe for CI, and the page that an operator opens."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.acceptance.command import COMMAND, shell
from tests.acceptance.forked import run
from tests.acceptance.scenery import put_tomorrow, settings_of
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs import diagnosis
from tuturuuu_jobs.settings import load_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


@pytest.fixture
def environ(scene: Scene) -> dict[str, str]:
    """Every setting of a run against a scene that was synced."""
    found = settings_of(scene)
    put_tomorrow(scene, "standup")
    scene.state_dir.mkdir(mode=0o700)
    assert run("full-sync", "--ws", str(scene.ws_id), **found).returncode == 0
    return found


def test_a_sound_installation_ends_with_success(environ: dict[str, str]) -> None:
    ended = run("doctor", **environ)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "ok        google_client_accepted: " in ended.stdout


def test_the_document_is_all_there_is_on_standard_output(environ: dict[str, str]) -> None:
    ended = run("doctor", "--json", **environ)

    document = json.loads(ended.stdout)
    assert ended.stdout.count("\n") == 1
    assert (document["version"], document["healthy"], document["exit_code"]) == (1, True, 0)
    assert {"severity", "code", "what", "why", "action", "subject"} == set(document["findings"][0])


def test_something_serious_ends_with_1(scene: Scene, environ: dict[str, str]) -> None:
    scene.connection.execute("delete from jobs.migrations")

    ended = run("doctor", "--json", **environ)

    assert ended.returncode == json.loads(ended.stdout)["exit_code"] == 1


def test_quiet_leaves_out_what_is_good(scene: Scene, environ: dict[str, str]) -> None:
    scene.connection.execute("update calendar_auth_tokens set is_active = false")

    lines = run("doctor", "--quiet", **environ).stdout.splitlines()

    assert {line.split()[0] for line in lines if not line.startswith(" ")} == {"warning"}
    assert any("account_inactive" in line for line in lines)


@pytest.mark.parametrize(
    "changed",
    [
        {"DATABASE_URL": ""},
        {"GOOGLE_CLIENT_SECRET": ""},
        {"DATABASE_URL": "nonsense"},
        {"TUTURUUU_JOBS_LOCKS": "some"},
        {"DATABASE_URL": "postgresql://planted@[::1/"},
    ],
    ids=["no database", "no secret", "no address", "no such locks", "a broken address"],
)
def test_unusable_settings_end_with_78(environ: dict[str, str], changed: dict[str, str]) -> None:
    ended = run("doctor", **{**environ, **changed})

    assert ended.returncode == 78
    assert "serious" in ended.stdout
    assert "planted" not in ended.stdout + ended.stderr


def test_no_secret_is_shown(scene: Scene, environ: dict[str, str]) -> None:
    away = "postgresql://jobs:planted-password@127.0.0.1:1/tuturuuu"
    found = {**environ, "DATABASE_URL": away, "GOOGLE_CLIENT_SECRET": "planted-secret"}

    for flags in ((), ("--json",), ("--quiet",)):
        ended = run("doctor", *flags, **found)
        assert "planted" not in ended.stdout + ended.stderr
        assert "google_client_rejected" in ended.stdout


def test_the_recipe_for_ci_passes_on_a_sound_installation(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    ended = smoke(scene, environ, tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_recipe_for_ci_fails_if_a_run_would(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    scene.emulator.remove_calendar(CALENDAR)

    assert smoke(scene, environ, tmp_path).returncode != 0


def smoke(scene: Scene, environ: dict[str, str], folder: Path) -> CompletedProcess[str]:
    """Run the recipe as the page has it, in a folder of its own."""
    recipe = section("CI smoke test").partition("```sh\n")[2].partition("```")[0]
    path = f"{COMMAND.parent}:/usr/bin:/bin"
    return shell(f"cd {folder}\n{recipe}", PATH=path, WS_ID=str(scene.ws_id), **environ)


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def finding_codes() -> set[str]:
    """The code of every finding, from the source."""
    makers = {"ok", "note", "warning", "serious", "make"}
    codes: set[str] = set()
    for path in Path(diagnosis.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in makers and isinstance(first, ast.Constant):
                    codes.add(str(first.value))
    return codes


def test_the_page_explains_every_finding() -> None:
    table = section("What `doctor` finds")

    assert finding_codes() - set(re.findall(r"`([a-z_]+)`", table)) == set()


def test_the_page_names_no_unit_that_is_not_shipped() -> None:
    shipped = {path.name for path in (ROOT / "systemd").iterdir()}
    named = set(re.findall(r"tuturuuu-[a-z-]+@?\.(?:timer|service)", PAGE))

    assert named <= shipped
    assert {path.partition(".")[0] for path in shipped if path.endswith(".timer")} <= {
        name.replace("@ID", "@") for name in re.findall(r"`(tuturuuu-[a-z-]+(?:@ID)?)`", PAGE)
    }


def test_the_configuration_on_the_page_is_one_that_the_program_reads(tmp_path: Path) -> None:
    block = PAGE.partition("```toml\n")[2].partition("```")[0]
    table = tomllib.loads(block)
    for name in ("google-client-secret", "database-url"):
        (tmp_path / name).write_text("postgresql://planted\n")
    config = tmp_path / "config.toml"
    config.write_text(block.replace("/etc/tuturuuu-jobs/secrets", str(tmp_path)))

    settings = load_settings({}, config=config, home=Path("/nonexistent"))

    assert settings.state_dir == Path(table["state_dir"])
    assert settings.require_database_url() == "postgresql://planted"
