"""The two doors of a payload, merged."""

import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.commands.payload import Given
from tuturuuu_jobs.commands.sync_payload import read_full_sync, read_sync
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.runtime.redact import public_payload
from tuturuuu_jobs.sync.model import SyncPayload, Tokens

WS = UUID("7e9a9d05-6e6e-4f3e-a6d3-0d2b0f0b8a11")


def read(document: object, *, full: bool = True, **options: Any) -> Given[SyncPayload]:
    """What the command makes of a document on standard input and of options."""
    given: dict[str, Any] = {"ws_id": None, "calendars": None} | options
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return read_full_sync("-", **given) if full else read_sync("-", **given)


def test_options_alone_make_a_payload_with_the_documented_window() -> None:
    given = read_sync(None, ws_id=WS, calendars=None)

    assert given == Given(
        SyncPayload(WS, full=False, past=timedelta(days=90), future=timedelta(days=180))
    )


def test_both_spellings_of_every_field_mean_the_same() -> None:
    snake = {
        "ws_id": str(WS),
        "calendars": ["b", "a", "b"],
        "past": "7d",
        "future": "12h",
        "allow_mass_delete": True,
    }
    camel = snake | {"wsId": str(WS), "allowMassDelete": True}
    del camel["ws_id"], camel["allow_mass_delete"]

    assert read(snake) == read(camel)
    assert read(snake).payload == SyncPayload(
        WS,
        full=True,
        calendars=("b", "a"),
        past=timedelta(days=7),
        future=timedelta(hours=12),
        allow_mass_delete=True,
    )


def test_an_option_wins_over_the_same_field() -> None:
    document = {"ws_id": str(WS), "past": "7d", "calendars": ["a"]}

    given = read(document, past=timedelta(days=1), calendars=["b"])

    assert given.payload.past == timedelta(days=1)
    assert given.payload.calendars == ("b",)


def test_null_counts_as_absent() -> None:
    document = {"ws_id": str(WS), "past": None, "calendars": None, "access_token": None}

    assert read(document) == Given(SyncPayload(WS, full=True))


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name.isascii() and name.isalpha()),
        st.none() | st.booleans() | st.integers(-9, 9) | st.text() | st.lists(st.integers()),
        max_size=4,
    )
)
def test_unknown_fields_are_kept_out_and_each_is_named(extra: dict[str, Any]) -> None:
    unknown = {f"x{name}": value for name, value in extra.items()}

    given = read({"ws_id": str(WS)} | unknown)

    assert given.payload == SyncPayload(WS, full=True)
    assert [warning.subject for warning in given.warnings] == sorted(unknown)
    assert {warning.code for warning in given.warnings} <= {"unknown_field"}


@pytest.mark.parametrize(
    "names", [("access_token", "refresh_token"), ("accessToken", "refreshToken")]
)
def test_a_full_sync_takes_the_tokens_of_an_account_that_is_not_stored(
    names: tuple[str, str],
) -> None:
    given = read({"ws_id": str(WS), names[0]: "first", names[1]: "second"})

    assert given.payload.guest
    assert given.payload.tokens == Tokens("first", "second", None)
    assert "first" not in repr(given)
    assert public_payload(given.payload)["guest"] is True
    assert "tokens" not in public_payload(given.payload)


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_one_token_alone_is_refused_without_being_shown(name: str) -> None:
    with pytest.raises(UsageError, match="needs both of its tokens") as caught:
        read({"ws_id": str(WS), name: "canary"})
    assert "canary" not in str(caught.value)


def test_a_field_of_full_sync_is_unknown_to_sync() -> None:
    given = read({"ws_id": str(WS), "past": "7d"}, full=False)

    assert [warning.subject for warning in given.warnings] == ["past"]
    assert given.payload.past == timedelta(days=90)


@given(st.binary())
def test_any_bytes_are_a_payload_or_a_usage_error(content: bytes) -> None:
    try:
        read(content)
    except UsageError as error:
        assert "\n" not in error.message  # noqa: PT017 - either end is right.
