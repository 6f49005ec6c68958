"""What the value of a setting must look like; a refusal never shows the value."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

_PRIVATE_ENDINGS: Final = (".internal", ".local", ".localhost", ".svc")


def _postgres_url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.startswith(("postgres://", "postgresql://")) and "=" not in text:
        raise ValueError("should be a URL that starts with postgresql://")
    return value


def _google_url(value: str) -> str:
    parts = _origin(value)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts)):
        raise ValueError("should start with https:// (http:// is for addresses of this machine)")
    return value


def _app_origin(value: str) -> str:
    parts = _origin(value)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_near(parts)):
        raise ValueError("should start with https:// (http:// is for a private network)")
    return value.rstrip("/")


def _ping_url(value: SecretStr) -> SecretStr:
    parts = _split(value.get_secret_value())
    if parts is None or not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("should be a URL that starts with https://")
    if parts.query or parts.fragment:
        raise ValueError("should be a URL without query or fragment")
    return value


def _quota(value: object) -> object:
    text = str(value).strip().lower()
    if text == "off":
        return 0
    if not text.isdecimal() or not (int(text) == 0 or 10 <= int(text) <= 10_000_000):
        raise ValueError("should be a number of requests a minute, at least 10, or off")
    return int(text)


def _origin(text: str) -> SplitResult:
    parts = _split(text)
    if parts is None:
        raise ValueError("should be a URL")
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("should be a URL with a host, without user, query or fragment")
    return parts


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        # Read, because only that finds out that it is no number.
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_near(parts: SplitResult) -> bool:
    """Whether it can only be an address of a private network: secrets go there in the clear."""
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_ENDINGS)


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]
"""A libpq connection string: a URL, or words like ``host=... dbname=...``."""
GoogleUrl = Annotated[str, AfterValidator(_google_url)]
"""An https URL; http is for an emulator on this machine only."""
AppOrigin = Annotated[str, AfterValidator(_app_origin)]
"""An https URL; http is for the app on this machine or in a private network only."""
PingUrl = Annotated[SecretStr, AfterValidator(_ping_url)]
"""An http or https URL to which the kind of ping can be appended."""
Quota = Annotated[int, BeforeValidator(_quota)]
"""A whole number of requests a minute; ``off`` is none at all, and becomes 0."""
