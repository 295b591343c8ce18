"""The plain expressions, which Python evaluates exactly as CEL does, without the cost of carrying values over to it.

Most expressions of a contract are comparisons such as `a != b` or `coverMark == 3 && a <= b`, a negation, or texts joined by `+`.
A text costs a microsecond on its way into CEL, ten times what comparing it takes. Comparing two integers, or whether two
texts or booleans are equal, has one meaning only; values of any other kind are left to the CEL program, which always exists.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openapi._request import UNDETERMINED

Evaluate = Callable[[Any], Any]
"""Scope to a value, or to UNDETERMINED when a name in it is not present."""

Fetch = str | Evaluate
"""The name of a value in the scope, or what evaluates it: a name spares a call."""

_OPERAND = r"[A-Za-z_]\w*(?:\(\))?|0|-?[1-9][0-9]{0,17}|'[^'\\\n]*'"
_operand = re.compile(rf"\s*({_OPERAND})\s*").fullmatch
_comparison = re.compile(rf"\s*({_OPERAND})\s*(==|!=|<=|>=|<|>)\s*({_OPERAND})\s*").fullmatch
_negation = re.compile(r"\s*!\s*([A-Za-z_]\w*)\s*").fullmatch
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_ORDERED = frozenset(("<=", ">=", "<", ">"))


@dataclass(frozen=True, slots=True)
class Operand:
    """What gives a value, and the class that the value should have."""

    fetch: Fetch
    kind: type | None


def plain(text: str, operands: Mapping[str, Operand], program: Evaluate) -> Evaluate | None:
    """What evaluates a plain expression, or None for any other; `program` stands in for values of an unexpected class."""
    if "+" in text:
        return _joined([_read(_operand(each), operands) for each in text.split("+")], program)
    tests = [_negated(each, operands, program) or _compared(each, operands, program) for each in text.split("&&")]
    if len(tests) == 1:
        return tests[0]
    return None if None in tests else _every([each for each in tests if each is not None])


def _read(match: re.Match[str] | None, operands: Mapping[str, Operand], group: int = 1) -> Operand | None:
    if match is None:
        return None
    text = match[group]
    if text in operands:
        return operands[text]
    if text.startswith("'"):
        return _constant(text[1:-1])
    if text in ("true", "false"):
        return _constant(text == "true")
    return _constant(int(text)) if text.lstrip("-").isdecimal() else None


def _constant(value: Any) -> Operand:
    return Operand(lambda scope: value, type(value))


def _compared(text: str, operands: Mapping[str, Operand], program: Evaluate) -> Evaluate | None:
    match = _comparison(text)
    left, right = _read(match, operands), _read(match, operands, 3)
    if match is None or left is None or right is None or left.kind is not right.kind or left.kind is None:
        return None
    if match[2] in _ORDERED and left.kind is not int:
        return None
    one, other, kind, compare = left.fetch, right.fetch, left.kind, _COMPARE[match[2]]

    def evaluate(scope: Any) -> Any:
        first = scope[one] if isinstance(one, str) else one(scope)
        second = scope[other] if isinstance(other, str) else other(scope)
        if type(first) is kind and type(second) is kind:
            return compare(first, second)
        return program(scope)

    return evaluate


def _negated(text: str, operands: Mapping[str, Operand], program: Evaluate) -> Evaluate | None:
    operand = _read(_negation(text), operands)
    if operand is None or operand.kind is not bool:
        return None
    fetch = operand.fetch

    def evaluate(scope: Any) -> Any:
        value = scope[fetch] if isinstance(fetch, str) else fetch(scope)
        return not value if type(value) is bool else program(scope)

    return evaluate


def _every(tests: list[Evaluate]) -> Evaluate:
    def evaluate(scope: Any) -> Any:
        verdict = True
        for test in tests:
            found = test(scope)
            if found is UNDETERMINED:
                return UNDETERMINED
            verdict = verdict and found
        return verdict

    return evaluate


def _joined(operands: list[Operand | None], program: Evaluate) -> Evaluate | None:
    fetches = [each.fetch for each in operands if each is not None and each.kind is str]
    if len(fetches) < len(operands):
        return None

    def evaluate(scope: Any) -> Any:
        parts = [scope[fetch] if isinstance(fetch, str) else fetch(scope) for fetch in fetches]
        try:
            return "".join(parts)
        except TypeError:
            return program(scope)

    return evaluate
