"""CEL expressions, compiled once and checked against the names that they may use.

An expression is a constant, a path (`pk`, `caller.uid`), a native expression or a CEL program. Rows are never passed to CEL as
maps, because converting one costs ten times an evaluation: `caller.uid` becomes one flat variable before compilation, and a
row adds only the columns that expressions use to the scope, each under its own name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from openapi.document.document import Node
from openapi.document.errors import ContractError, ExecutionError, nearest
from openapi.expression import budget
from openapi.expression.cel import compile_program
from openapi.expression.checks import check_bytes, check_phases, check_rows
from openapi.expression.functions import BYTES, FUNCTIONS, RANDOM
from openapi.expression.kinds import Computed, Names, RowTypes
from openapi.expression.native import Evaluate, NativeExpression, Operand, compile_native
from openapi.parameters.parameter import UNDETERMINED, Absence

LONGEST = 2000
NOW = "now"
"""The name of the time, in epoch ms."""
ROW = "row"
"""The name of the current row in an `if`, a `set` or an `item`."""
YAML_1_1 = {**dict.fromkeys(("yes", "on"), "true"), **dict.fromkeys(("no", "off"), "false")}
"""What older versions of YAML read as true or false."""
WORDS = {"and": "&&", "or": "||", "not": "!"}
"""Operators of other languages, and how CEL writes them."""
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")

_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError)
"""The exceptions of CEL for values that an operator or a function does not accept."""
_CLASSES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
_SAMPLES: dict[str, Any] = {"string": "1", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}, "rows": []}
_CEL_FUNCTIONS = frozenset(
    [
        "bool",
        "bytes",
        "contains",
        "double",
        "duration",
        "endsWith",
        "int",
        "matches",
        "size",
        "startsWith",
        "string",
        "timestamp",
        "type",
        "uint",
    ]
)
_TYPES = frozenset(("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"))
"""What an expression may compare `type(x)` with."""
_PATH = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|(?<![\w.])(?P<path>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*(?!\s*\(|\w))*)"""
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that an expression uses and, for a row, the column."""

    name: str
    column: str | None = None
    position: int = -1
    """The position of the column in its row."""
    computed: Computed | None = None
    """How the column is computed, if no row has it."""

    def value(self, scope: Any) -> Any:
        """The value in the scope: a value, None, or an Absence."""
        return scope[str(self)]

    def __str__(self) -> str:
        return self.name if self.column is None else f"{self.name}.{self.column}"


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression. `evaluate(scope)` gives its value, or UNDETERMINED when a name in it is not present."""

    source: str
    references: tuple[Reference, ...]
    evaluate: Evaluate
    constant: bool
    type: str | None
    """The JSON type of the value where that is known."""
    path: str | None = None
    """The name in the scope, if the expression is a single name; None for any other expression."""
    native: NativeExpression | None = None
    """The same expression without CEL, if it is simple enough."""
    random: bool = False
    """Whether its value depends on the random generator."""
    holds: Callable[[Any], bool] = field(init=False, compare=False)
    """Whether it is true in a scope; false where a name in it is not present."""

    def __post_init__(self) -> None:
        evaluate = self.evaluate
        object.__setattr__(self, "holds", self.native.holds if self.native else lambda scope: evaluate(scope) is True)

    @property
    def greater_pairs(self) -> Iterator[tuple[Reference, Reference]]:
        """(greater, less): pairs of names that the expression orders where it is true."""
        names = {_flat(each): each for each in self.references}
        return ((names[one], names[other]) for one, other in (self.native.greater_pairs if self.native else ()))

    def __str__(self) -> str:
        return self.source


def compile_expression(node: Node, names: Names) -> Expression:
    """Compiles the text of a node; a value that is not a text is a constant. Raises ContractError with the line of the node."""
    text = node.value
    if not isinstance(text, str):
        return Expression(json.dumps(text, ensure_ascii=False), (), lambda scope: text, constant=True, type=_type_of(text))
    if len(text) > LONGEST:
        raise ContractError([node.problem(f"the expression is longer than {LONGEST} characters")])
    if "rows" in names.values():
        check_rows(node, names)
    for name, kind in names.items():
        if isinstance(kind, RowTypes):
            check_phases(node, name, kind)
    references, flat = _references(node, names)
    path = references[0] if len(references) == 1 and flat.strip() == _flat(references[0]) else None
    if path is not None:
        return Expression(text, references, _value_of(str(path)), constant=False, type=_type(names, path), path=str(path))
    return _program(node, references, flat, names)


def path_to(name: str) -> Expression:
    """The expression that is a name."""
    return Expression(name, (Reference(name),), _value_of(name), constant=False, type=None, path=name)


def _program(node: Node, references: tuple[Reference, ...], flat: str, names: Names) -> Expression:
    program = _compile(node, flat)
    execute = _bounded(node, program, flat, {_type(names, each) for each in references})
    called = tuple(name for name in program.functions() if name.isidentifier() and not name.startswith("_"))
    for name in called:
        if name not in _CEL_FUNCTIONS and name not in FUNCTIONS:
            raise ContractError([node.problem(f"unknown function {name}()", nearest(name, _CEL_FUNCTIONS | set(FUNCTIONS)))])
    if not BYTES.isdisjoint(called):
        check_bytes(node)
    own = tuple((name, FUNCTIONS[name]) for name in called if name in FUNCTIONS)
    sample = {_flat(each): _SAMPLES.get(_type(names, each) or "string") for each in references}
    value = _trial(node, program, sample | {name: _with_random(function, Random(0)) for name, function in own})
    if not references and not own:
        return Expression(node.value, (), lambda scope: value, constant=True, type=_type_of(value))
    where = f"{node.file}:{node.line}: {node.value}"
    evaluate = _execute(execute, where, references, own)
    operands = {_flat(each): Operand(str(each), None, _CLASSES.get(_type(names, each) or "")) for each in references}
    calls = {f"{name}()": _call(function) for name, function in own}
    native = compile_native(flat, operands, calls, evaluate, where)
    return Expression(
        node.value,
        references,
        native.evaluate if native else evaluate,
        constant=False,
        type=_type_of(value),
        native=native,
        random=not RANDOM.isdisjoint(called),
    )


def _references(node: Node, names: Names) -> tuple[tuple[Reference, ...], str]:
    """The names that the text uses, and the text with a flat variable in place of each `name.column`."""
    found: dict[str, Reference] = {}
    bound = set(re.findall(rf"\b(?:{'|'.join(budget.MACROS)})\s*\(\s*([A-Za-z_]\w*)\s*,", node.value))
    words = {"true", "false", "null", "in"} | (_TYPES - names.keys() if re.search(r"\btype\s*\(", node.value) else set())

    def flatten(match: re.Match[str]) -> str:
        name, *parts = [part.strip() for part in (match["path"] or "").split(".")]
        called = not parts and node.value[match.end() :].lstrip().startswith("(")
        if not name or called or name in bound or name in words:
            return match[0]
        reference, rest = _reference(node, names, name, parts)
        found[str(reference)] = reference
        return ".".join((_flat(reference), *rest))

    flat = _PATH.sub(flatten, node.value)
    return tuple(found.values()), flat


def _reference(node: Node, names: Names, name: str, parts: list[str]) -> tuple[Reference, list[str]]:
    """What a path such as `caller.uid` or `user.name.first` refers to, and its parts that lead into the value of that."""
    paths = [".".join((name, *parts[:length])) for length in range(len(parts), -1, -1)]
    known = next((path for path in paths if path in names), None)
    if known is None:
        raise ContractError([node.problem(f"unknown name {name}", _hint(node, names, name))])
    columns, rest = names[known], parts[known.count(".") :]
    if isinstance(columns, str):
        _check_parts(node, names, known, columns, rest)
        return Reference(known), rest
    if not rest:
        raise ContractError([node.problem(f"{known} is a row, not a value", f"name a column of it: {', '.join(columns)}")])
    if rest[0] not in columns:
        raise ContractError([node.problem(f"{known} has no column {rest[0]}", nearest(rest[0], columns))])
    computed = columns.computed.get(rest[0]) if isinstance(columns, RowTypes) else None
    return Reference(known, rest[0], list(columns).index(rest[0]), computed), rest[1:]


def _check_parts(node: Node, names: Names, name: str, kind: str, parts: list[str]) -> None:
    """Raises ContractError for parts that a value does not have."""
    if not parts:
        return
    known = [each for each in names if each.startswith(f"{name}.")]
    if known:
        raise ContractError([node.problem(f"{name} has no part {parts[0]}", nearest(f"{name}.{parts[0]}", known))])
    if kind == "rows":
        raise ContractError([node.problem(f"{name} are rows, without a part {parts[0]}", f"write size({name})")])
    if kind != "object":
        raise ContractError([node.problem(f"{name} is a {kind}, without a part {parts[0]}")])


def _hint(node: Node, names: Names, name: str) -> str:
    """What would be right where an expression uses an unknown name."""
    if boolean := YAML_1_1.get(name.lower()):
        return f"YAML 1.2 reads it as a text; write {boolean}"
    if operator := WORDS.get(name.lower()):
        return f"CEL writes {operator}"
    if name in (node.document.root.value.get("x-state") or ()):
        return "it is a table; x-let names rows of it"
    hint = nearest(name, names)
    constant = node.value == name and not hint.startswith("did you mean")
    return f"the text {name} is written \"'{name}'\"; {hint}" if constant else hint


def _flat(reference: Reference) -> str:
    return str(reference).replace(".", "__")


def _type(names: Names, reference: Reference) -> str | None:
    kind = names[reference.name]
    return kind if isinstance(kind, str) else kind[reference.column or ""]


def _type_of(value: Any) -> str | None:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value))


def _compile(node: Node, text: str) -> Any:
    try:
        return compile_program(text)
    except ValueError as error:
        reason = next((line for line in str(error).splitlines() if "ERROR" in line), str(error)).split("ERROR: ")[-1]
        hint = "CEL compares with ==" if _ASSIGNMENT.search(_QUOTED.sub("''", node.value)) else ""
        raise ContractError([node.problem(f"{node.value!r} is not CEL: {reason}", hint)]) from None


def _bounded(node: Node, program: Any, text: str, types: set[str | None]) -> Callable[[dict[str, Any]], Any]:
    """The `execute` of a program that fails instead of taking very long. Raises ContractError for one that always may."""
    code = budget.tokens(text)
    if wrong := budget.unsafe_pattern(code):
        raise ContractError([node.problem(wrong)])
    degree, own = budget.degree(code), budget.words(code)
    rows = budget.MOST_ROWS if "rows" in types else 0
    if max(own, rows) ** degree > budget.MOST_STEPS:
        what = f"the macros of this expression may take {max(own, rows)}^{degree} steps, more than {budget.MOST_STEPS}"
        raise ContractError([node.problem(what, budget.RIGHT)])
    if degree < 2:
        return program.execute  # type: ignore[no-any-return]

    def execute(variables: dict[str, Any]) -> Any:
        size = own + sum(map(budget.parts, variables.values()))
        if size**degree > budget.MOST_STEPS:
            raise ValueError(f"it may take {size}^{degree} steps, more than {budget.MOST_STEPS} ({budget.RIGHT})")
        return program.execute(variables)

    return execute


def _trial(node: Node, program: Any, sample: dict[str, Any]) -> Any:
    """Executes the program once on sample values, to find operators and functions that the types do not have."""
    try:
        return program.execute(sample)
    except TypeError as error:
        raise ContractError([node.problem(f"{node.value!r} mixes types: {str(error).split('. ')[0]}")]) from None
    except RuntimeError as error:
        raise ContractError([node.problem(f"{node.value!r} cannot be evaluated: {str(error).split('. ')[0]}")]) from None
    except (ValueError, ArithmeticError, LookupError):
        return None  # only the sample value is invalid, as in int('1x')


def _with_random(function: Callable[..., Any], random: Random | None) -> Callable[..., Any]:
    return lambda *arguments: function(random, *arguments)


def _value_of(name: str) -> Evaluate:
    def value(scope: Any) -> Any:
        found = scope[name]
        return UNDETERMINED if found is None or type(found) is Absence else found

    return value


def _call(function: Callable[[Random], Any]) -> Evaluate:
    return lambda scope: function(scope.random)


def _execute(
    execute: Callable[[dict[str, Any]], Any], where: str, references: tuple[Reference, ...], own: tuple[tuple[str, Any], ...]
) -> Evaluate:
    values = tuple((_flat(each), str(each)) for each in references)

    def evaluate(scope: Any) -> Any:
        variables = {}
        for flat, name in values:
            found = scope[name]
            if found is None or type(found) is Absence:
                return UNDETERMINED
            variables[flat] = found
        for name, function in own:
            variables[name] = _with_random(function, scope.random)
        try:
            return budget.check_value(execute(variables))
        except LookupError:  # an object has no such key, or a list no such item
            return UNDETERMINED
        except _FAILURES as error:
            raise ExecutionError(f"{where}: {error}") from error

    return evaluate
