"""Whether the settings are there that work needs. Pure; no finding shows a value.

The settings are usable if nothing here is serious.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from tuturuuu_jobs.diagnosis.findings import Finding, note, ok, serious
from tuturuuu_jobs.settings import Settings, places_of, variable_of

_NEEDED: Final = {
    "database_url": "no job can run without the database",
    "google_client_id": "no calendar can be read without the OAuth client",
    "google_client_secret": "no calendar can be read without the OAuth client",
}
_GOOGLE: Final = ".googleapis.com"


def judge_settings(settings: Settings) -> Iterator[Finding]:
    """One finding for each needed setting, and what is unusual about the others."""
    for field, why in _NEEDED.items():
        name = variable_of(field)
        if getattr(settings, field) is None:
            yield serious(
                "setting_missing",
                f"{name} is not set",
                why=why,
                action=places_of(field),
                subject=name,
            )
        else:
            yield ok("setting_present", f"{name} is set", subject=name)
    yield from _judge_locks(settings)
    yield from _judge_endpoints(settings)


def _judge_locks(settings: Settings) -> Iterator[Finding]:
    if settings.locks == "file":
        yield note(
            "locks_of_this_machine",
            "runs of one workspace are kept apart on this machine only",
            why="a run on another machine does not see the lock files of this one",
            action=f"leave {variable_of('locks')} at both, unless this is the only machine",
            subject=variable_of("locks"),
        )


def _judge_endpoints(settings: Settings) -> Iterator[Finding]:
    for field in ("google_api_url", "google_token_url"):
        host = urlsplit(getattr(settings, field)).hostname or ""
        if not host.endswith(_GOOGLE):
            yield note(
                "google_elsewhere",
                f"{variable_of(field)} leads to {host} instead of Google",
                why="that is right for an emulator and for nothing else",
                action=f"remove {variable_of(field)} to speak to Google",
                subject=variable_of(field),
            )
