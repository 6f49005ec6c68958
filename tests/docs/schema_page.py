"""The JSON Schema of the result document, from the dataclass itself."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from tuturuuu_jobs.runtime.outcome import Problem, Result

PAGE: Final = Path(__file__).parents[2] / "docs" / "result.schema.json"

MEANINGS: dict[str, str] = {
    "version": "Version of this document's shape; a change that breaks readers raises it.",
    "job": "`sync`, `full-sync`, `schedule`, or one of them after `orchestrate-`.",
    "run_id": "Id of the run, in the ledger too (`runs show ID`).",
    "ws_id": "The workspace, lower-case; null if the input named none, or for a fan-out.",
    "key": "The concurrency key: at most one run per key at a time.",
    "success": "`exit_code` is 0.",
    "status": "How the run ended, in the ledger's word.",
    "code": "Why, as a stable word; see the codes below.",
    "exit_code": "What the process exits with.",
    "error": "The first error's message, or null.",
    "errors": "What failed, most important first.",
    "warnings": "What a person should know although nothing failed.",
    "attempts": "How often the work was tried; 0 if it never began.",
    "trigger": "`hand`, `timer`, `orchestrator`, `queue` or `replay`.",
    "slot": "The scheduled instant that the run stands for, or null.",
    "started_at": "RFC 3339, UTC.",
    "finished_at": "RFC 3339, UTC.",
    "duration_s": "Seconds, on a clock that never goes backwards.",
    "data": "The job's own part.",
}
PROBLEM_MEANINGS: dict[str, str] = {
    "code": "A stable word, for programs.",
    "message": "What is wrong, in one line.",
    "retryable": "Whether trying again may help.",
    "subject": "What it is about: a calendar id, a setting, a field; or null.",
    "hint": "What to do, or null.",
}


def render(_page: str = "") -> str:
    """The schema as text."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema as JSON."""
    document = TypeAdapter(Result).json_schema(mode="serialization")
    _describe(document, MEANINGS)
    _describe(document["$defs"]["Problem"], PROBLEM_MEANINGS)
    document["$defs"]["Problem"]["description"] = first_line(Problem)
    document["$defs"]["Status"].pop("description", None)
    document["description"] = first_line(Result)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}


def first_line(kind: type[Any]) -> str:
    """What a class is, in the words of its docstring."""
    return (kind.__doc__ or "").partition("\n")[0]


def _describe(document: dict[str, Any], meanings: dict[str, str]) -> None:
    """Every key has a meaning, and is always there."""
    for name, part in document["properties"].items():
        part.pop("default", None)
        part["description"] = meanings[name]
    document["required"] = list(document["properties"])


assert {field.name for field in dataclasses.fields(Result)} == MEANINGS.keys()
assert {field.name for field in dataclasses.fields(Problem)} == PROBLEM_MEANINGS.keys()
