"""Every source of a setting, their order, and that no error shows a value."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.settings import (
    FIELDS,
    SECRETS,
    Settings,
    load_settings,
    places_of,
    variable_of,
)

HOME = Path("/home/somebody")
CANARY = "canary-5f1d"


def load(environ: Mapping[str, str] | None = None, **options: Path) -> Settings:
    return load_settings(environ or {}, home=HOME, **options)


def refusal(environ: Mapping[str, str], **options: Path) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(environ, **options)
    assert CANARY not in caught.value.message + str(caught.value.hint)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_is_required_until_it_is_used() -> None:
    settings = load()

    assert settings.locks == "both"
    assert settings.google_api_url == "https://www.googleapis.com/"
    with pytest.raises(SettingsError, match="DATABASE_URL is not set") as caught:
        settings.require_database_url()
    assert caught.value.subject == "DATABASE_URL"
    assert caught.value.hint is not None
    for place in ("DATABASE_URL_FILE", "database-url", "--config"):
        assert place in caught.value.hint


def test_the_google_client_names_its_missing_half() -> None:
    with pytest.raises(SettingsError, match="GOOGLE_CLIENT_SECRET is not set"):
        load({"GOOGLE_CLIENT_ID": "id"}).require_google_client()

    complete = load({"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "s"})
    assert complete.require_google_client() == ("id", "s")


def test_sources_of_a_secret_win_in_the_documented_order(tmp_path: Path) -> None:
    config = write(tmp_path / "config.toml", 'database_url = "postgresql://toml"')
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    named = write(tmp_path / "named", "postgresql://named-file\n")
    steps: list[tuple[str, dict[str, str]]] = [
        ("postgresql://toml", {"TUTURUUU_JOBS_CONFIG": str(config)}),
        ("postgresql://credential", {"CREDENTIALS_DIRECTORY": str(credentials)}),
        ("postgresql://named-file", {"DATABASE_URL_FILE": str(named)}),
        ("postgresql://variable", {"DATABASE_URL": "postgresql://variable"}),
    ]
    write(credentials / "database-url", "postgresql://credential")
    environ: dict[str, str] = {}

    for expected, added in steps:
        environ |= added
        assert load(environ).require_database_url() == expected


@pytest.mark.parametrize("name", ["google-client-secret", "GOOGLE_CLIENT_SECRET"])
def test_a_credential_may_have_either_name(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, "secret\n")

    settings = load({"CREDENTIALS_DIRECTORY": str(tmp_path), "GOOGLE_CLIENT_ID": "id"})

    assert settings.require_google_client() == ("id", "secret")


def test_a_secret_file_may_be_named_in_the_config_file(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret", "postgresql://h/d")
    config = write(tmp_path / "c.toml", f'database_url_file = "{secret}"')

    assert load(config=config).require_database_url() == "postgresql://h/d"


def test_the_config_option_wins_over_the_variable(tmp_path: Path) -> None:
    option = write(tmp_path / "option.toml", 'locks = "file"')
    variable = write(tmp_path / "variable.toml", 'locks = "advisory"')
    environ = {"TUTURUUU_JOBS_CONFIG": str(variable)}

    assert load(environ).locks == "advisory"
    assert load(environ, config=option).locks == "file"


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    config = write(tmp_path / "c.toml", 'locks = "file"')

    assert load({"TUTURUUU_JOBS_LOCKS": " "}, config=config).locks == "file"


def test_the_state_directory_falls_back_step_by_step(tmp_path: Path) -> None:
    config = write(tmp_path / "c.toml", 'state_dir = "/toml"')
    environ: dict[str, str] = {}
    assert load(environ).state_dir == HOME / ".local/state/tuturuuu-jobs"
    environ["XDG_STATE_HOME"] = "/xdg"
    assert load(environ).state_dir == Path("/xdg/tuturuuu-jobs")
    environ["STATE_DIRECTORY"] = "/var/lib/one:/var/lib/two"
    assert load(environ).state_dir == Path("/var/lib/one")
    environ["TUTURUUU_JOBS_CONFIG"] = str(config)
    assert load(environ).state_dir == Path("/toml")
    environ["TUTURUUU_JOBS_STATE_DIR"] = "/variable"
    assert load(environ).state_dir == Path("/variable")
    assert load(environ, state_dir=Path("/option")).state_dir == Path("/option")


def test_a_relative_xdg_directory_is_ignored_as_its_standard_says() -> None:
    assert load({"XDG_STATE_HOME": "relative"}).state_dir.is_relative_to(HOME)


def test_without_home_in_the_environment_the_password_database_answers() -> None:
    assert load_settings({}).state_dir.is_absolute()


@pytest.mark.parametrize(
    ("value", "quota"), [("10", 10), (" 600 ", 600), ("off", 0), ("OFF", 0), ("0", 0)]
)
def test_a_quota_is_a_number_a_minute_or_off(value: str, quota: int) -> None:
    assert load({"TUTURUUU_JOBS_GOOGLE_USER_QUOTA": value}).google_user_quota == quota


def test_quotas_are_googles_own_unless_said_otherwise(tmp_path: Path) -> None:
    assert (load().google_project_quota, load().google_user_quota) == (10_000, 600)
    config = write(tmp_path / "c.toml", 'google_project_quota = 500\ngoogle_user_quota = "off"')
    settings = load(config=config)
    assert (settings.google_project_quota, settings.google_user_quota) == (500, 0)


@pytest.mark.parametrize("value", ["9", "-1", "1e3", "many", "10.5", "10000001", "true"])
def test_what_is_no_quota_is_refused_by_name(value: str) -> None:
    error = refusal({"TUTURUUU_JOBS_GOOGLE_PROJECT_QUOTA": value})
    assert "TUTURUUU_JOBS_GOOGLE_PROJECT_QUOTA is wrong" in error.message
    assert "at least 10, or off" in error.message


@pytest.mark.parametrize("field", FIELDS)
def test_every_setting_has_a_variable_and_a_place(field: str) -> None:
    assert variable_of(field) in places_of(field)
    assert Settings.model_fields[field].description


@pytest.mark.parametrize("field", SECRETS)
def test_secrets_never_show(field: str) -> None:
    scheme = "https" if field == "ping_url" else "postgresql"
    environ = {variable_of(field): f"{scheme}://u:{CANARY}@h/d"}
    settings = load(environ)

    assert CANARY not in repr(settings)
    assert CANARY not in str(settings)
    assert CANARY not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", CANARY),
        ("TUTURUUU_JOBS_PING_URL", CANARY),
        ("TUTURUUU_JOBS_PING_URL", f"ftp://h/{CANARY}"),
        ("TUTURUUU_JOBS_PING_URL", f"https://h/{CANARY}?a=b"),
        ("TUTURUUU_JOBS_LOCKS", CANARY),
        ("TUTURUUU_JOBS_LOG_LEVEL", CANARY),
        ("TUTURUUU_JOBS_LOG_FORMAT", CANARY),
        ("TUTURUUU_JOBS_GOOGLE_API_URL", f"http://{CANARY}.example/"),
        ("TUTURUUU_JOBS_GOOGLE_API_URL", CANARY),
        ("TUTURUUU_JOBS_GOOGLE_API_URL", f"https://h:{CANARY}/"),
        ("TUTURUUU_JOBS_GOOGLE_API_URL", f"https://u:{CANARY}@h/"),
        ("TUTURUUU_JOBS_GOOGLE_TOKEN_URL", f"ftp://127.0.0.1/{CANARY}"),
        ("TUTURUUU_JOBS_GOOGLE_TOKEN_URL", f"https://[{CANARY}/"),
        ("INTERNAL_WEB_API_ORIGIN", CANARY),
        ("INTERNAL_WEB_API_ORIGIN", f"http://{CANARY}.example"),
        ("INTERNAL_WEB_API_ORIGIN", "http://8.8.8.8"),
        ("INTERNAL_WEB_API_ORIGIN", f"https://u:{CANARY}@h"),
        ("INTERNAL_WEB_API_ORIGIN", f"https://[{CANARY}"),
        ("TUTURUUU_JOBS_APP_ROUTE", CANARY),
    ],
)
def test_a_wrong_value_is_named_with_its_origin_and_not_shown(name: str, value: str) -> None:
    error = refusal({name: value})

    assert error.subject == name
    assert name in error.message
    assert "environment" in error.message
    assert "should" in error.message


@given(st.text(alphabet=st.characters(exclude_characters="=\x00")))
def test_no_wrong_database_url_is_ever_shown(text: str) -> None:
    value = CANARY + text

    assert refusal({"DATABASE_URL": value}).code == "config"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.8.0.1"])
def test_plain_http_is_for_this_machine_only(host: str) -> None:
    environ = {"TUTURUUU_JOBS_GOOGLE_API_URL": f"http://{host}/"}

    assert load(environ).google_api_url == f"http://{host}/"


@pytest.mark.parametrize(
    "origin",
    [
        *("https://app.example.org", "http://127.0.0.1:7803", "http://10.1.2.3", "http://web:3000"),
        *(
            "http://web.internal",
            "http://[fd00::1]:80",
            "http://app.tuturuuu.svc",
            "https://h/base",
        ),
    ],
)
def test_the_apps_secret_may_go_in_the_clear_inside_a_private_network_only(origin: str) -> None:
    assert load({"INTERNAL_WEB_API_ORIGIN": f"{origin}/"}).internal_web_api_origin == origin


@pytest.mark.parametrize(
    ("route", "secret"),
    [("schedule", "CRON_SECRET"), ("auto-schedule", "INTERNAL_TRIGGER_SECRET_KEY")],
)
def test_each_route_of_the_app_wants_a_secret_of_its_own(route: str, secret: str) -> None:
    environ = {"TUTURUUU_JOBS_APP_ROUTE": route, "INTERNAL_WEB_API_ORIGIN": "https://h"}

    with pytest.raises(SettingsError, match=f"{secret} is not set"):
        load(environ).require_app()
    assert load({**environ, secret: "s"}).require_app() == ("https://h", "s")
    with pytest.raises(SettingsError, match="INTERNAL_WEB_API_ORIGIN is not set"):
        load({secret: "s"}).require_app()


def test_an_absent_secret_file_is_named() -> None:
    error = refusal({"DATABASE_URL_FILE": "/nowhere/url"})

    assert error.subject == "DATABASE_URL"
    assert "/nowhere/url for DATABASE_URL: No such file or directory" in error.message
    assert "DATABASE_URL_FILE" in str(error.hint)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_an_unusable_secret_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "url"
    path.write_bytes(content)

    assert str(path) in refusal({"DATABASE_URL_FILE": str(path)}).message


def test_broken_toml_is_named_with_its_place_but_not_its_text(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", f'locks = "both"\ndatabase_url = {CANARY}\n')

    error = refusal({}, config=path)

    assert error.subject == "--config"
    assert str(path) in error.message
    assert "line 2" in error.message


def test_unknown_keys_are_named_with_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", f'database_ulr = "{CANARY}"\nlocks = "both"')

    error = refusal({"TUTURUUU_JOBS_CONFIG": str(path)})

    assert "database_ulr" in error.message
    assert "database_url" in str(error.hint)


def test_a_wrong_type_in_the_config_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", "state_dir = 5")

    error = refusal({}, config=path)

    assert error.subject == "TUTURUUU_JOBS_STATE_DIR"
    assert str(path) in error.message


def test_an_absent_config_file_is_named() -> None:
    assert "/nowhere.toml: No such file" in refusal({}, config=Path("/nowhere.toml")).message
