import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.runtime.redact import HIDDEN, clean, public_payload, scrub

CANARY = "c4n4ryc4n4ryc4n4ry"


@pytest.mark.parametrize(
    "text",
    [
        f"ya29.{CANARY}-x_y",
        f"refused 1//0{CANARY} by Google",
        f"Authorization: Bearer {CANARY}",
        f"postgres://user:{CANARY}@db.example.org/x",
        f"postgresql://user:pa@ss/{CANARY}@db.example.org:5432/x?sslmode=require",
        f"redis://:{CANARY}@host",
        f"eyJhbGciOiJI.{CANARY}.{CANARY}",
        f"password={CANARY}",
        f"host=db password='{CANARY} with spaces' user=x",
        f'{{"access_token": "{CANARY}"}}',
        f"{{'refresh_token': '{CANARY}'}}",
        f"https://www.googleapis.com/calendar/v3/x?syncToken={CANARY}&maxResults=1",
        f"https://example.org/x?pageToken={CANARY}",
        f"client_secret={CANARY}",
        f"GOCSPX-{CANARY}",
        f"ENCRYPTION_MASTER_KEY={CANARY}",
        f"x-internal-trigger-secret-key: {CANARY}",
    ],
)
def test_nothing_with_the_shape_of_a_secret_gets_through(text: str) -> None:
    assert CANARY not in scrub(text)
    assert HIDDEN in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "the database cannot be reached or closed the connection (SQLSTATE 57P01)",
        "team@example.org: 3 of 4 calendars failed",
        "see https://console.cloud.google.com/apis/credentials",
        "the sync token is no longer valid",
        "google-calendar-sync-00000000-0000-0000-0000-000000000001 is held",
    ],
)
def test_ordinary_messages_stay_as_they_are(text: str) -> None:
    assert scrub(text) == text


@given(st.text())
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_a_cleaned_value_is_json_that_postgres_and_a_terminal_can_take(value: object) -> None:
    text = json.dumps(clean(value), allow_nan=False, ensure_ascii=False)
    text.encode()
    assert "\\u0000" not in text


def test_texts_under_secret_names_are_hidden_and_counts_are_not() -> None:
    value = {"access_token": CANARY, "tokens_kept": 3, "token": None, "deep": [{"secret": CANARY}]}
    assert clean(value) == {
        "access_token": HIDDEN,
        "tokens_kept": 3,
        "token": None,
        "deep": [{"secret": HIDDEN}],
    }


def test_a_number_that_json_does_not_know_becomes_null() -> None:
    assert clean([math.nan, math.inf, 1.5]) == [None, None, 1.5]


def test_a_payload_field_that_its_model_hides_is_left_out() -> None:
    @dataclasses.dataclass
    class Payload:
        ws_id: str
        refresh_token: str
        grant: str = dataclasses.field(repr=False)

    assert public_payload(Payload("w", CANARY, CANARY)) == {"ws_id": "w", "refresh_token": HIDDEN}


def test_a_payload_within_a_payload_shows_its_fields_under_the_same_rules() -> None:
    @dataclasses.dataclass
    class Inner:
        token: str
        digest: str

    @dataclasses.dataclass
    class Outer:
        saved: tuple[Inner, ...]

    assert public_payload(Outer((Inner(CANARY, "d"),))) == {
        "saved": [{"token": HIDDEN, "digest": "d"}]
    }
