"""Every setting of the program, read once into one frozen value.

This is the only module that knows the names of environment variables. For one setting the order is:
command line, environment variable, the file that ``NAME_FILE`` names, systemd's credentials
directory, TOML file. No error and no repr shows a value.
"""

from __future__ import annotations

import dataclasses
import os
import pwd
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.setting_values import AppOrigin, GoogleUrl, PingUrl, PostgresUrl, Quota

CONFIG_VARIABLE: Final = "TUTURUUU_JOBS_CONFIG"
_CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
_PREFIX: Final = "TUTURUUU_JOBS_"
_PLATFORM: Final = frozenset(
    {"database_url", "google_client_id", "google_client_secret", "encryption_master_key"}
    | {"internal_web_api_origin", "cron_secret", "internal_trigger_secret_key"}
)
_LONGEST_SECRET_FILE: Final = 65_536

T = TypeVar("T")


class Settings(BaseSettings):
    """What an installation decides; :func:`load_settings` is the way to make one."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    database_url: PostgresUrl | None = Field(
        None, description="Tuturuuu's Postgres, over a direct or session-pooled connection."
    )
    google_client_id: str | None = Field(
        None, description="OAuth client of the Tuturuuu installation."
    )
    google_client_secret: SecretStr | None = Field(None, description="Its secret.")
    encryption_master_key: SecretStr | None = Field(
        None, description="Opens the keys of workspaces whose events are encrypted."
    )
    state_dir: Annotated[Path, AfterValidator(Path.absolute)] = Field(
        description="Where lock files, results and the spool live."
    )
    locks: Literal["both", "advisory", "file"] = Field(
        "both", description="Which locks keep runs of one key apart."
    )
    google_api_url: GoogleUrl = Field(
        "https://www.googleapis.com/", description="Root of Google's APIs; an emulator's in tests."
    )
    google_token_url: GoogleUrl = Field(
        "https://oauth2.googleapis.com/token", description="Where access tokens are refreshed."
    )
    internal_web_api_origin: AppOrigin | None = Field(
        None, description="Where the app answers; for `schedule --engine app`."
    )
    app_route: Literal["schedule", "auto-schedule"] = Field(
        "schedule", description="Which of the app's routes `schedule --engine app` asks."
    )
    cron_secret: SecretStr | None = Field(
        None, description="What the app's route `schedule` wants as bearer."
    )
    internal_trigger_secret_key: SecretStr | None = Field(
        None, description="What the app's route `auto-schedule` wants in its header."
    )
    google_project_quota: Quota = Field(
        10_000,
        description="Requests a minute that Google allows the project of the OAuth client; all "
        "runs of all hosts stay below it together. off: nobody counts.",
    )
    google_user_quota: Quota = Field(
        600, description="The same for each Google account within the project."
    )
    metrics_dir: Annotated[Path, AfterValidator(Path.absolute)] | None = Field(
        None, description="Where Prometheus' textfile collector reads; a file per job is written."
    )
    ping_url: PingUrl | None = Field(
        None,
        description="A healthchecks address told of each timer's run; {job} in it is the job.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="Least important log line shown; -v and -vv show more."
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="How log lines look; `auto`: prose at a terminal, JSON lines elsewhere."
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the loader found: the process's own environment is not looked at again."""
        return (init_settings,)

    def require_database_url(self) -> str:
        """The connection string. Raises SettingsError if there is none."""
        return _present("database_url", self.database_url).get_secret_value()

    def require_google_client(self) -> tuple[str, str]:
        """Client id and secret. Raises SettingsError naming the first that is missing."""
        client_id = _present("google_client_id", self.google_client_id)
        secret = _present("google_client_secret", self.google_client_secret)
        return client_id, secret.get_secret_value()

    def require_app(self) -> tuple[str, str]:
        """The app's origin and the secret of its route. Raises SettingsError for a missing one."""
        origin = _present("internal_web_api_origin", self.internal_web_api_origin)
        if self.app_route == "schedule":
            secret = _present("cron_secret", self.cron_secret)
        else:
            secret = _present("internal_trigger_secret_key", self.internal_trigger_secret_key)
        return origin, secret.get_secret_value()


FIELDS: Final = tuple(Settings.model_fields)
SECRETS: Final = (
    *("database_url", "google_client_secret", "encryption_master_key"),
    *("cron_secret", "internal_trigger_secret_key", "ping_url"),
)


def variable_of(field: str) -> str:
    """The environment variable of a field: the platform's own name, or ours with a prefix."""
    return field.upper() if field in _PLATFORM else _PREFIX + field.upper()


def places_of(field: str) -> str:
    """Where a setting may be set, for a person."""
    name = variable_of(field)
    if field == "state_dir":
        return f"set --state-dir, {name} in the environment, or {field} in the --config file"
    if field in SECRETS:
        return (
            f"set {name} in the environment, name a file in {name}_FILE, provide the credential "
            f"{_credential_names(field)[0]}, or set {field} in the --config file"
        )
    return f"set {name} in the environment, or {field} in the --config file"


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """A value and where it came from; its repr is kept away from secrets."""

    value: Any = dataclasses.field(repr=False)
    origin: str


def load_settings(
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    state_dir: Path | None = None,
    home: Path | None = None,
) -> Settings:
    """Read every source once.

    Args:
        environ: The environment variables.
        config: The TOML file named on the command line, before ``TUTURUUU_JOBS_CONFIG``.
        state_dir: The state directory named on the command line.
        home: Home directory of this user; None asks the password database.

    Raises:
        SettingsError: Names the setting that is wrong, or the file that cannot be read.
    """
    table, table_origin = _read_config(environ, config)
    found = {
        field: value
        for field in FIELDS
        if (value := _find(field, environ, table, table_origin)) is not None
    }
    if state_dir is not None:
        found["state_dir"] = _Found(state_dir, "--state-dir")
    if "state_dir" not in found:
        found["state_dir"] = _Found(_default_state_dir(environ, home), "the default")
    try:
        return Settings(**{field: value.value for field, value in found.items()})
    except ValidationError as error:
        raise _refused(error, found) from None


def _find(
    field: str, environ: Mapping[str, str], table: Mapping[str, Any], table_origin: str
) -> _Found | None:
    """The first source that has the setting; an empty variable counts as not set."""
    name = variable_of(field)
    if value := environ.get(name, "").strip():
        return _Found(value, "the environment")
    if field in SECRETS:
        if path := environ.get(f"{name}_FILE", "").strip():
            return _Found(_read_secret(Path(path), name, f"{name}_FILE"), f"{name}_FILE")
        for credential in _credentials(field, environ):
            secret = _read_secret(credential, name, f"${_CREDENTIALS_VARIABLE}")
            return _Found(secret, f"the credential {credential.name}")
        if path := table.get(f"{field}_file", ""):
            key = f"{field}_file in {table_origin}"
            return _Found(_read_secret(Path(str(path)), name, key), key)
    return _Found(table[field], table_origin) if table.get(field, "") != "" else None


def _credential_names(field: str) -> tuple[str, str]:
    return variable_of(field).lower().replace("_", "-"), variable_of(field)


def _credentials(field: str, environ: Mapping[str, str]) -> Iterator[Path]:
    directory = environ.get(_CREDENTIALS_VARIABLE, "").strip()
    if directory:
        candidates = (Path(directory) / name for name in _credential_names(field))
        yield from (path for path in candidates if path.exists())


def _read_secret(path: Path, name: str, source: str) -> str:
    """A secret's file without the newline that editors add at its end."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LONGEST_SECRET_FILE + 1)
        text = content.decode("utf-8").strip() if len(content) <= _LONGEST_SECRET_FILE else ""
        problem = "" if text else "it is empty or longer than 64 KiB"
    except OSError as error:
        text, problem = "", error.strerror or "it cannot be read"
    except ValueError:
        text, problem = "", "it is not UTF-8 text"
    if problem:
        message = f"cannot use the file {path} for {name}: {problem}"
        raise SettingsError(message, subject=name, hint=f"correct the file or {source}")
    return text


def _read_config(environ: Mapping[str, str], option: Path | None) -> tuple[dict[str, Any], str]:
    """The TOML file's table and its name for people; an empty table if no file is named."""
    named = environ.get(CONFIG_VARIABLE, "").strip()
    path = option or (Path(named) if named else None)
    if path is None:
        return {}, ""
    source = "--config" if option else CONFIG_VARIABLE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "cannot be read"
        message = f"{source}: cannot read {path}: {reason}"
        raise SettingsError(message, subject=source, hint="name a readable TOML file") from None
    except ValueError as error:
        # The parser's message holds a position, but may also quote the text it stopped at.
        where = f" ({place})" if (place := _position(error)) else ""
        message = f"{source}: {path} is not valid TOML{where}"
        raise SettingsError(message, subject=source, hint="correct the file") from None
    known = {*FIELDS, *(f"{field}_file" for field in SECRETS)}
    if unknown := sorted(table.keys() - known):
        raise SettingsError(
            f"{source}: {path} has unknown keys: {', '.join(unknown)}",
            subject=unknown[0],
            hint=f"known keys are {', '.join(sorted(known))}",
        )
    return table, str(path)


def _position(error: ValueError) -> str:
    _, found, place = str(error).rpartition("(at ")
    return f"at {place.rstrip(')')}" if found else ""


def _default_state_dir(environ: Mapping[str, str], home: Path | None) -> Path:
    """The directory systemd gives, else the XDG one, else below the home (under ``env -i``)."""
    if systemd := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(systemd)
    xdg = Path(environ.get("XDG_STATE_HOME", ""))
    if xdg.is_absolute():
        return xdg / "tuturuuu-jobs"
    if home is None:
        try:
            home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:
            raise SettingsError(
                "no state directory: this user has no entry in the password database",
                subject=variable_of("state_dir"),
                hint=places_of("state_dir"),
            ) from None
    return home / ".local" / "state" / "tuturuuu-jobs"


def _refused(error: ValidationError, found: Mapping[str, _Found]) -> SettingsError:
    """The first complaint in our words, without the value that caused it."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = str(first["loc"][0])
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason.replace("Input should be", "should be")
    origin = found[field].origin
    message = f"{variable_of(field)} is wrong (from {origin}): {reason}"
    return SettingsError(message, subject=variable_of(field), hint=places_of(field))


def _present(field: str, value: T | None) -> T:
    if value is None:
        name = variable_of(field)
        raise SettingsError(f"{name} is not set", subject=name, hint=places_of(field))
    return value
