from typing import Any

from tuturuuu_jobs.runtime.bounds import (
    PAYLOAD_LIMIT,
    RESULT_LIMIT,
    bounded_payload,
    bounded_result,
)


def document(**data: Any) -> dict[str, Any]:
    return {"run_id": "x", "errors": [], "warnings": [], "data": data}


def test_what_fits_stays_whole() -> None:
    assert bounded_payload({"a": 1}) == {"a": 1}
    assert bounded_result(document(events=[1], n=2)) == document(events=[1], n=2)


def test_a_payload_too_large_is_replaced_by_its_size() -> None:
    assert bounded_payload({"a": "x" * PAYLOAD_LIMIT}) == {"_omitted_bytes": PAYLOAD_LIMIT + 9}


def test_lists_go_before_counts() -> None:
    large = ["x" * 100] * (RESULT_LIMIT // 100)
    assert bounded_result(document(events=large, n=2)) == document(n=2, _omitted=["events"])


def test_data_without_lists_goes_as_a_whole() -> None:
    assert bounded_result(document(text="x" * RESULT_LIMIT)) == document(_omitted=["text"])


def test_of_very_many_errors_the_first_stay() -> None:
    large = document(n=1) | {"errors": [{"message": "x" * 100}] * 1000}
    assert len(bounded_result(large)["errors"]) == 20
    assert len(large["errors"]) == 1000
