"""Native expressions: simple CEL expressions that Python evaluates with the same result, without passing values to CEL.

Most expressions of a contract are comparisons such as `a != b` or `mode == 3 && a <= b`, negations, or texts joined by `+`.
Passing a text to CEL takes a microsecond, ten times a comparison. Comparing two integers, or two texts or booleans for
equality, gives the same result in Python and in CEL; for other values the CEL program is used, which always exists.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import prod
from operator import itemgetter
from typing import Any

from openapi.document.errors import ExecutionError
from openapi.expression.budget import LONGEST_TEXT
from openapi.parameters.parameter import UNDETERMINED, Absence

Evaluate = Callable[[Any], Any]
"""Scope to a value, or to UNDETERMINED when a name in it is not present."""

_OPERAND = r"[A-Za-z_]\w*|0|-?[1-9][0-9]{0,17}|'[^'\\\n]*'"
_operand = re.compile(rf"\s*({_OPERAND})\s*").fullmatch
_comparison = re.compile(rf"\s*({_OPERAND})\s*(==|!=|<=|>=|<|>)\s*({_OPERAND})\s*").fullmatch
_SUM = rf"(?:{_OPERAND})(?:\s*[-+*]\s*(?:{_OPERAND}))*"
_comparison_of_sums = re.compile(rf"\s*({_SUM})\s*(==|!=|<=|>=|<|>)\s*({_SUM})\s*").fullmatch
_SIGNED = re.compile(rf"([-+*])\s*({_OPERAND})")
_negation = re.compile(r"\s*!\s*([A-Za-z_]\w*)\s*").fullmatch
Compare = Callable[[Any, Any], bool]
_COMPARE: dict[str, Compare] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_ORDERED = frozenset(("<=", ">=", "<", ">"))


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """One side of an operator: a name of the scope or, where `name` is None, a constant; and the expected class of its value."""

    name: str | None
    value: Any
    kind: type | None


Terms = list[list[tuple[int, Operand]]]
"""Products of operands, each with its sign, that are added up."""


@dataclass(frozen=True, slots=True, eq=False)
class NativeExpression:
    """An expression that Python evaluates."""

    evaluate: Evaluate
    holds: Evaluate
    """Whether it is true. Stops at the first part of `&&` that is not true; names in later parts need not be present."""
    greater_pairs: tuple[tuple[str, str], ...] = ()
    """(greater, less): pairs of names that its comparisons with `<` and `>` order where it is true."""


def compile_native(
    text: str, names: Mapping[str, Operand], calls: Mapping[str, Evaluate], program: Evaluate, where: str
) -> NativeExpression | None:
    """A native expression, or None for an expression that is not simple enough.

    `names` are the operands by their name in the text, `calls` the calls that return a text, such as `uuid()`. `program`, the
    compiled CEL program, evaluates values of an unexpected class. `where` is the place of the expression, for errors.
    """
    if "+" in text:
        joined = _joined(
            [calls.get(each.strip()) or _part(_read(_operand(each), names)) for each in text.split("+")], program, where
        )
        if joined is not None:
            return NativeExpression(joined, joined)
    parts = text.split("&&")
    ways = (_negated, _compared, _compared_sums)
    tests = [test for each in parts if (test := next(filter(None, (way(each, names, program) for way in ways)), None))]
    if len(tests) < len(parts):
        return None
    pairs = tuple(pair for each in parts for pair in _greater_pairs(each, names))
    return NativeExpression(*((tests[0], tests[0]) if len(tests) == 1 else (_conjunction(tests), all_of(tests))), pairs)


def _greater_pairs(text: str, names: Mapping[str, Operand]) -> Iterator[tuple[str, str]]:
    """The greater and the lesser name of a comparison with `<` or `>`."""
    match = _comparison(text)
    if match is not None and match[2] in "<>" and match[1] in names and match[3] in names:
        yield (match[1], match[3]) if match[2] == ">" else (match[3], match[1])


def _read(match: re.Match[str] | None, names: Mapping[str, Operand], group: int = 1) -> Operand | None:
    if match is None:
        return None
    text = match[group]
    if text in names:
        return names[text]
    if text.startswith("'"):
        return Operand(None, text[1:-1], str)
    if text in ("true", "false"):
        return Operand(None, text == "true", bool)
    return Operand(None, int(text), int) if text.lstrip("-").isdecimal() else None


def _compared(text: str, names: Mapping[str, Operand], program: Evaluate) -> Evaluate | None:
    match = _comparison(text)
    left, right = _read(match, names), _read(match, names, 3)
    if match is None or left is None or right is None or left.kind is not right.kind or left.kind is None:
        return None
    if match[2] in _ORDERED and left.kind is not int:
        return None
    kind, compare = left.kind, _COMPARE[match[2]]
    if left.name and right.name:
        return _compare_names(left.name, right.name, kind, compare, program)
    if left.name:
        return _compare_constant(left.name, right.value, kind, compare, program)
    if right.name:
        return _compare_constant(right.name, left.value, kind, lambda value, constant: compare(constant, value), program)
    return None


def _compared_sums(text: str, names: Mapping[str, Operand], program: Evaluate) -> Evaluate | None:
    """A comparison of sums and products of integers, which are exact here: CEL fails beyond 64 bits."""
    match = _comparison_of_sums(text)
    left, right = (_terms(match[group] if match else "", names) for group in (1, 3))
    if match is None or left is None or right is None:
        return None
    compare = _COMPARE[match[2]]
    used = tuple(dict.fromkeys(each.name for terms in (left, right) for _, each in chain(*terms) if each.name))

    def evaluate(scope: Any) -> Any:
        for name in used:
            value = scope[name]
            if value is None or type(value) is Absence:
                return UNDETERMINED
            if not _is(value, int):
                return program(scope)
        return compare(_sum_of(left, scope), _sum_of(right, scope))

    return evaluate


def _terms(text: str, names: Mapping[str, Operand]) -> Terms | None:
    """The products that a text adds up; None if they are not of integers."""
    terms: list[list[tuple[int, Operand]]] = []
    for sign, word in _SIGNED.findall(f"+{text}"):
        operand = _read(_operand(word), names)
        if operand is None or operand.kind is not int:
            return None
        if sign == "*":
            terms[-1].append((1, operand))
        else:
            terms.append([(-1 if sign == "-" else 1, operand)])
    return terms or None


def _sum_of(terms: Terms, scope: Any) -> int:
    return sum(prod(sign * (scope[each.name] if each.name else each.value) for sign, each in term) for term in terms)


def _compare_names(name: str, other: str, kind: type, compare: Compare, program: Evaluate) -> Evaluate:
    def evaluate(scope: Any) -> Any:
        first, second = scope[name], scope[other]
        if type(first) is kind and type(second) is kind:
            return compare(first, second)
        if type(first) is Absence or type(second) is Absence:
            return UNDETERMINED
        return compare(first, second) if _is(first, kind) and _is(second, kind) else program(scope)

    return evaluate


def _compare_constant(name: str, constant: Any, kind: type, compare: Compare, program: Evaluate) -> Evaluate:
    def evaluate(scope: Any) -> Any:
        value = scope[name]
        if type(value) is kind:
            return compare(value, constant)
        if type(value) is Absence:
            return UNDETERMINED
        return compare(value, constant) if _is(value, kind) else program(scope)

    return evaluate


def _is(value: Any, kind: type) -> bool:
    """Whether a value is an instance of this class. A boolean is not an integer here."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _negated(text: str, names: Mapping[str, Operand], program: Evaluate) -> Evaluate | None:
    operand = _read(_negation(text), names)
    if operand is None or operand.name is None or operand.kind is not bool:
        return None
    return _compare_constant(operand.name, False, bool, operator.is_, program)


def _conjunction(tests: list[Evaluate]) -> Evaluate:
    def evaluate(scope: Any) -> Any:
        result = True
        for test in tests:
            found = test(scope)
            if found is UNDETERMINED:
                return UNDETERMINED
            result = result and found
        return result

    return evaluate


def all_of(tests: list[Evaluate]) -> Evaluate:
    """A test whether all of these are true; it stops at the first that is not."""
    first, *others = tests
    if not others:
        return first

    def holds(scope: Any) -> bool:
        if not first(scope):
            return False
        for test in others:  # noqa: SIM110 a loop takes a third of the time of all() over a generator
            if not test(scope):
                return False
        return True

    return holds


def _part(operand: Operand | None) -> Evaluate | None:
    if operand is None or operand.kind is not str:
        return None
    name, value = operand.name, operand.value
    return itemgetter(name) if name else lambda scope: value


def _joined(parts: list[Evaluate | None], program: Evaluate, where: str) -> Evaluate | None:
    evaluates = [each for each in parts if each is not None]
    if len(evaluates) < len(parts):
        return None

    def evaluate(scope: Any) -> Any:
        try:
            text = "".join([each(scope) for each in evaluates])
        except TypeError:
            return program(scope)
        if len(text) > LONGEST_TEXT:
            raise ExecutionError(f"{where}: the text is longer than {LONGEST_TEXT} characters")
        return text

    return evaluate
