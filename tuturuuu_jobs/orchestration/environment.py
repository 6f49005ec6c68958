"""What of the parent's environment a child may see; everything else stays behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tuturuuu_jobs.settings import CONFIG_VARIABLE, FIELDS, SECRETS, variable_of

_SETTINGS: Final = frozenset(
    {
        CONFIG_VARIABLE,
        *(variable_of(field) for field in FIELDS),
        *(f"{variable_of(field)}_FILE" for field in SECRETS),
        "CREDENTIALS_DIRECTORY",
        "STATE_DIRECTORY",
        "XDG_STATE_HOME",
        "INVOCATION_ID",
    }
)
_PLACE: Final = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"}
)
# Locale, and what libpq reads besides the data source name (certificates, password file).
_FAMILIES: Final = ("LC_", "PG")
_OURS: Final = {"MALLOC_ARENA_MAX": "2", "PYTHONFAULTHANDLER": "1"}


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child."""
    passed = {
        name: value
        for name, value in environ.items()
        if name in _SETTINGS or name in _PLACE or name.startswith(_FAMILIES)
    }
    return passed | _OURS
