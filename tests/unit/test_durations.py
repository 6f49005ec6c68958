import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.commands.durations import parse_duration, render_duration

SECONDS = st.integers(min_value=0, max_value=36_500 * 86_400)


@given(SECONDS)
def test_a_rendered_duration_is_read_back_as_itself(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(render_duration(duration)) == duration


@given(st.integers(0, 36_500), st.sampled_from(["s", "m", "h", "d"]))
def test_number_and_unit_multiply(number: int, unit: str) -> None:
    size = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[unit]

    assert parse_duration(f"{number}{unit}") == timedelta(seconds=number * size)


@given(st.from_regex(r"[0-9]{0,12}[smhdx ]?\n?", fullmatch=True) | st.text())
def test_any_text_is_a_duration_or_one_clear_complaint(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert timedelta(0) <= parse_duration(text) <= timedelta(days=36_500)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "d",
        "-1d",
        "1.5h",
        "1h30m",
        " 1h",
        "1h ",
        "1H",
        "007s",
        "\u0661d",
        "36501d",
        "9999999999d",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
