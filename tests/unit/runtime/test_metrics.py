"""The text of a job's metrics."""

import dataclasses
import re

from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.commands.refused import refused_result
from tuturuuu_jobs.runtime.monitoring.metrics import render_metrics
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Status

RESULT = refused_result("orchestrate-sync", Outcome(Kind.FAILED, "failed"))
LINE = re.compile(r'# (HELP|TYPE) tuturuuu_job_\w+ .+|tuturuuu_job_\w+\{job="[^"]+".*\} [\d.]+')


def test_children_are_counted_by_how_they_ended() -> None:
    counts = {"total": 5, "succeeded": 3, "failed": 1, "busy": 1, "results": []}
    text = render_metrics(dataclasses.replace(RESULT, data=counts))
    assert 'tuturuuu_job_children{job="orchestrate-sync",status="succeeded"} 3\n' in text
    assert 'tuturuuu_job_children{job="orchestrate-sync",status="busy"} 1\n' in text
    assert "total" not in text


@given(st.text(), st.sampled_from(Status))
def test_whatever_the_file_held_before_the_new_one_is_well_formed(
    before: str, status: Status
) -> None:
    text = render_metrics(dataclasses.replace(RESULT, status=status), before)
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    assert render_metrics(RESULT, text).count("\n") >= 12
