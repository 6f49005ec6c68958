"""A child's contract: one document on standard output that agrees with how the child exited.

Everything here is pure. Invariant: what is accepted can be believed on its face.
"""

from __future__ import annotations

import functools
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from tuturuuu_jobs.runtime.outcome import (
    RESULT_VERSION,
    ExitCode,
    Kind,
    Result,
    Status,
    exit_code,
    status_of,
)

STDOUT_LIMIT: Final = 1 << 20

_PAIRS: Final = frozenset((status_of(kind), exit_code(kind)) for kind in Kind) | {
    # A caller may ask that a busy key be a failure.
    (Status.FAILED, ExitCode.FAILED),
}


class EnvelopeError(ValueError):
    """The child broke its contract; the text says how and quotes nothing of what it printed."""


def read_envelope(output: bytes, *, complete: bool, run_id: UUID, returncode: int) -> Result:
    """The result that a child printed.

    Args:
        output: What it wrote to standard output.
        complete: Whether that is all of it.
        run_id: The run it was asked to be.
        returncode: What it exited with; not negative.

    Raises:
        EnvelopeError: There is no document, more than one, or one that disagrees.
    """
    if not complete:
        raise EnvelopeError("it printed more than 1 MiB")
    result = _parse(output)
    if result.version != RESULT_VERSION:
        raise EnvelopeError("its result has another version")
    if result.run_id != str(run_id):
        raise EnvelopeError("its result belongs to another run")
    if result.exit_code != returncode:
        raise EnvelopeError(f"its result says {result.exit_code}, it exited with {returncode}")
    if result.success is not (returncode == 0) or (result.status, returncode) not in _PAIRS:
        raise EnvelopeError(f"its result contradicts itself: {result.status} with {returncode}")
    return result


@functools.cache
def _adapter() -> TypeAdapter[Result]:
    return TypeAdapter(Result)


def _parse(output: bytes) -> Result:
    if not output.strip():
        raise EnvelopeError("it printed no result")
    try:
        return _adapter().validate_json(output, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] != "json_invalid":
        raise EnvelopeError("what it printed is no result")
    if "trailing characters" in first["msg"]:
        raise EnvelopeError("it printed more than its result")
    raise EnvelopeError("what it printed is no JSON")
