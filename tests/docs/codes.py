"""Every code that an error, a warning or an outcome of the program can carry, from its source."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from typing_extensions import override

from tuturuuu_jobs import errors

PACKAGE = Path(errors.__file__).parent


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Code:
    """A code and the words that usually come with it."""

    code: str
    message: str
    module: str


def codes() -> list[Code]:
    """One entry per code, in order; the first place that says it speaks for it."""
    found: dict[str, Code] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "testing"):
            continue
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for code, message in _said(ast.parse(path.read_text(encoding="utf-8"))):
            known = found.get(code)
            if known is None or (message and not known.message):
                found[code] = Code(code, message, module)
    return sorted(found.values())


class _InWords(ast.NodeTransformer):
    """Puts a module's own constants where it names them."""

    def __init__(self, tree: ast.Module) -> None:
        self._known = {
            line.target.id: line.value
            for line in tree.body
            if isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(line.value, ast.Constant)
        }

    @override
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._known.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def _said(module: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(_InWords(module).visit(module)):
        if isinstance(node, ast.ClassDef):
            yield from _defaults(node)
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        first = node.args[0] if node.args else None
        second = node.args[1] if len(node.args) > 1 else None
        if called.endswith("Error") and "code" in named:
            yield from _pair(named["code"], first)
        elif called == "Problem":
            yield from _pair(named.get("code", first), named.get("message", second))
        elif called == "Outcome":
            yield from _pair(named.get("code", second), None)


def _defaults(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for line in node.body:
        target = line.targets[0] if isinstance(line, ast.Assign) else None
        if isinstance(line, ast.AnnAssign):
            target = line.target
        if isinstance(target, ast.Name) and target.id == "default_code":
            value = line.value if isinstance(line, ast.Assign | ast.AnnAssign) else None
            yield from _pair(value, ast.Constant(ast.get_docstring(node) or ""))


def _pair(code: ast.expr | None, message: ast.expr | None) -> Iterator[tuple[str, str]]:
    if isinstance(code, ast.Constant) and isinstance(code.value, str):
        yield code.value, _words(message)


def _words(message: ast.expr | None) -> str:
    """A message with an ellipsis wherever it names something."""
    match message:
        case ast.Constant(value=str(text)):
            return text.partition("\n")[0]
        case ast.JoinedStr(values=parts):
            return "".join(
                part.value
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
                else "…"
                for part in parts
            )
        case _:
            return ""
