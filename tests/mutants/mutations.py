"""Small changes of a module's text that a test should notice, one at a time: found by its syntax, made in its text.

Only what can change what a program does: no annotations, no docstrings, no words of messages.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
}
_OPERATORS: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.FloorDiv(),
    ast.FloorDiv: ast.Mult(),
    ast.Div: ast.Mult(),
    ast.Mod: ast.FloorDiv(),
    ast.BitAnd: ast.BitOr(),
    ast.BitOr: ast.BitAnd(),
    ast.LShift: ast.RShift(),
    ast.RShift: ast.LShift(),
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "list"}
_LEAVING = (ast.Raise, ast.Return, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module's text with one change."""

    line: int
    last_line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {_short(self.before)}  ->  {_short(self.after)}"


def mutants_of(text: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    data = text.encode()
    for node, others in _changes(ast.parse(text)):
        place = _place(node, starts)
        if place is None:
            continue
        start, end = place
        for other in others:
            after = ast.unparse(other)
            if isinstance(node, ast.expr):
                after = f"({after})"
            changed = data[:start] + after.encode() + data[end:]
            before = data[start:end].decode()
            yield Mutant(node.lineno, node.end_lineno or node.lineno, before, after, changed.decode())


def _place(node: ast.expr | ast.stmt, starts: list[int]) -> tuple[int, int] | None:
    if node.end_lineno is None or node.end_col_offset is None:
        return None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 70 else f"{words[:67]}..."


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, list[ast.AST]]]:
    """What can be changed, and into what."""
    for child in _code_below(tree):
        if isinstance(child, ast.expr | ast.stmt):
            others = list(_others(child))
            if others:
                yield child, others
        yield from _changes(child)


def _code_below(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that run: what types alone need, and text within text, is left out. So is ``strict`` of a
    `zip`: it guards lengths that are equal by construction."""
    left_out = {"annotation", "returns", "decorator_list", "type_params", "format_spec"}
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "zip":
        left_out.add("keywords")
    for name, value in ast.iter_fields(node):
        if name in left_out:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_for_types(child):
                yield child


def _is_for_types(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom)


def _others(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [operator], comparators) if type(operator) in _COMPARISONS:
            yield ast.Compare(left, [_COMPARISONS[type(operator)]], comparators)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS and not _is_beyond_tests(left):
            yield ast.BinOp(left, _OPERATORS[type(operator)], right)
        case ast.UnaryOp(ast.Not(), operand) | ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Call(ast.Name(name), arguments, keywords) if name in _CALLS and len(arguments) == 1:
            kept = [] if _CALLS[name] == "list" else keywords
            yield ast.Call(ast.Name(_CALLS[name]), arguments, kept)
        case ast.Expr(ast.Call()):
            yield ast.Pass()
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.If(test, [*_, last], []) if isinstance(last, _LEAVING):
            yield ast.Pass()  # a guard that is not there


def _is_beyond_tests(operand: ast.expr) -> bool:
    """Texts, and the ways to open a file: that it is not inherited, for one, no test can see."""
    if isinstance(operand, ast.JoinedStr) or (
        isinstance(operand, ast.Constant) and isinstance(operand.value, str | bytes)
    ):
        return True
    return ast.unparse(operand).startswith("os.O_")
