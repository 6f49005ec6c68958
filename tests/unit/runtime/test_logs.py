import io
import json
import logging
from collections.abc import Iterator
from uuid import UUID

import pytest

from tuturuuu_jobs.runtime.logs import LOGGER, configure, level_of, run_logger


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def log_a_bug(stream: io.StringIO, *, json_lines: bool) -> None:
    configure("debug", json_lines=json_lines, stream=stream)
    log = run_logger("sync", UUID(int=1), UUID(int=2), attempt=3)
    try:
        raise RuntimeError("password=hunter2hunter2")
    except RuntimeError:
        log.exception("refused %s", "ya29.secretsecret")


def test_a_json_line_says_which_run_it_belongs_to_and_no_secret() -> None:
    stream = io.StringIO()
    log_a_bug(stream, json_lines=True)
    line = json.loads(stream.getvalue())
    assert line["level"] == "error"
    assert line["msg"] == "refused [redacted]"
    assert (line["job"], line["attempt"]) == ("sync", 3)
    assert (line["run_id"], line["ws_id"]) == (str(UUID(int=1)), str(UUID(int=2)))
    assert "RuntimeError" in line["traceback"]
    assert "hunter2" not in stream.getvalue()


def test_a_person_reads_prose_without_secrets() -> None:
    stream = io.StringIO()
    log_a_bug(stream, json_lines=False)
    first, *_ = stream.getvalue().splitlines()
    where = f"job sync, run_id {UUID(int=1)}, attempt 3, ws_id {UUID(int=2)}"
    assert first == f"ERROR: refused [redacted] ({where})"
    assert "hunter2" not in stream.getvalue()


def test_the_google_client_reports_through_our_errors_not_through_the_log() -> None:
    configure("debug", json_lines=True, stream=io.StringIO())
    assert not logging.getLogger("googleapiclient.http").isEnabledFor(logging.WARNING)


@pytest.mark.parametrize("json_lines", [True, False])
def test_the_level_of_another_process_s_line_is_known(*, json_lines: bool) -> None:
    stream = io.StringIO()
    configure("debug", json_lines=json_lines, stream=stream)
    logging.getLogger(LOGGER).warning("three")
    assert level_of(stream.getvalue().strip()) == (logging.WARNING, json_lines)
    assert level_of("tuturuuu-jobs: sync: failed") == (logging.ERROR, False)
    assert level_of('{"level": 3') == (logging.ERROR, False)
    assert level_of("{}") == (logging.ERROR, True)


def test_in_the_journal_every_line_carries_its_priority() -> None:
    stream = io.StringIO()
    configure("debug", json_lines=False, stream=stream, priorities=True)
    log = logging.getLogger(LOGGER)
    log.error("one\ntwo")
    log.warning("three")
    log.debug("four")
    assert stream.getvalue().splitlines() == [
        "<3>ERROR: one",
        "<3>two",
        "<4>WARNING: three",
        "<7>DEBUG: four",
    ]
