"""One exit code for several runs."""

import dataclasses

import pytest

from tuturuuu_jobs.commands.refused import refused_result
from tuturuuu_jobs.commands.retry import combined_exit_code
from tuturuuu_jobs.runtime.outcome import Kind, Outcome

RESULT = refused_result("sync", Outcome(Kind.FAILED, "failed"))


@pytest.mark.parametrize(
    ("codes", "combined"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 1], 3),
        ([3], 3),
        ([77, 77], 77),
        ([77, 69], 1),
        ([0, 143], 143),
        ([1, 130], 130),
    ],
)
def test_codes_that_agree_stay_and_others_are_summed_up(codes: list[int], combined: int) -> None:
    results = [dataclasses.replace(RESULT, exit_code=code) for code in codes]
    assert combined_exit_code(results) == combined
