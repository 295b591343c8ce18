"""Candidate requests that know the contract and the state, and the simplest one of each outcome.

Values come from where rules look: the columns that a parameter is looked up by, the enumeration and its neighbours,
the boundaries of the type, instants around now, the constants of expressions, and spellings that a lax parser takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from itertools import combinations, islice, product, zip_longest
from math import prod
from random import Random
from typing import Any

from openapi._contract import Operation
from openapi._decision import DOCUMENTED, permitted
from openapi._lookup import Lookup
from openapi._request import INT_RANGES, Parameter
from openapi._state import State

HOUR = 3_600_000
MOST_ROWS_TRIED = 24
MOST_ROWS_ALIKE = 3
MOST_ROWS_READ = 10_000
MOST_BASES = 3000
LONGEST_TEXT = 10_000
_SPELLINGS = ("1.5", "0x10", "1_000", " 12", "１２", "1e3", "NaN", "abc", "--1", "1,000")
_TEXTS = ("é", "设备", "x" * 300, "'", "%00", "a b", "\U0001f600")

Raw = dict[str, Any]


def candidates(operation: Operation, state: State, now: int) -> Iterator[Raw]:
    """Requests worth sending, the simplest first: complete ones, then those with one deviation, then with two.

    `now` is epoch ms. The order is the same for the same arguments.
    """
    bases = list(_bases(operation, state, now))
    yield from bases
    anchors = _anchors(operation, bases, state, now)
    pools = {each.name: list(_deviations(each, operation, state, now)) for each in operation.parameters}
    for base in anchors:
        for name, values in pools.items():
            for value in (*values, *_near(base, name, operation)):
                yield _with(base, {name: value})
    for base in anchors[:1]:
        for one, two in combinations(pools, 2):
            for pair in islice(product(_few(pools[one]), _few(pools[two])), 81):
                yield _with(base, dict(zip((one, two), pair, strict=True)))


def witnesses(operation: Operation, state: State, now: int) -> dict[str, Raw]:
    """The simplest request for each outcome that can be reached in this state.

    A request is simpler when fewer rules hold for it, it has fewer parameters and a shorter text.
    """
    best: dict[str, tuple[tuple[int, int, int], Raw]] = {}
    for raw in candidates(operation, state, now):
        seen = permitted(operation, raw, state, now)
        cost = (len(seen.rules), len(raw), sum(len(str(value)) for value in raw.values()))
        outcome = seen.answer.outcome
        if outcome not in best or cost < best[outcome][0]:
            best[outcome] = (cost, raw)
    return {outcome: best[outcome][1] for outcome in operation.outcomes if outcome in best}


def unreachable(operation: Operation, outcome: str) -> str:
    """What a world lacks in which no request gets this outcome, as a sentence."""
    rules = [rule for rule in operation.rules if rule.outcome == outcome]
    if all(rule.kind == "permitted" for rule in rules):
        return f"needs a server that chooses to: {rules[0].why}"
    rule = next((rule for rule in rules if rule.kind == DOCUMENTED), rules[0])
    names = [*rule.missing, *(each.name for each in (rule.when.references if rule.when else ()))]
    tables = sorted({let.lookup.table for name in names if (let := operation.lets.get(name)) and let.lookup})
    where = f" in {', '.join(tables)}" if tables else ""
    return f"needs rows{where} with which this holds: {rule.condition}"


def _with(base: Raw, changes: Raw) -> Raw:
    return {name: value for name, value in (base | changes).items() if value is not None}


def _bases(operation: Operation, state: State, now: int) -> Iterator[Raw]:
    """Requests with every required parameter: rows of the tables that lets look into, crossed with plausible values."""
    choices: list[list[Raw]] = []
    covered: set[str] = set()
    parameters = {each.name: each for each in operation.parameters}
    for let in operation.lets.values():
        names = {source: column for column, source in _direct(let.lookup, parameters)} if let.lookup else {}
        if names and not covered.issuperset(names) and covered.isdisjoint(names):
            covered |= set(names)
            optional = not any(parameters[name].required for name in names)
            rows = islice(_sample(state, let.lookup.table, now), 2 if optional else None) if let.lookup else ()
            found = [{name: str(row[column]) for name, column in names.items()} for row in rows]
            choices.append([{}, *found] if optional or not found else found)
    for each in operation.parameters:
        if each.name not in covered:
            choices.append([{each.name: value} if value is not None else {} for value in _plain(each, now)])
    for parts in _crossed(choices):
        yield {name: value for part in parts for name, value in part.items()}


def _crossed(choices: list[list[Raw]]) -> Iterator[tuple[Raw, ...]]:
    """The product of the choices; where that is too much, an even sample of it, always the same."""
    total = prod(map(len, choices))
    if total <= MOST_BASES:
        yield from product(*choices)
        return
    for number in sorted(Random(0).sample(range(total), MOST_BASES)):
        parts = []
        for each in reversed(choices):
            number, position = divmod(number, len(each))
            parts.append(each[position])
        yield tuple(reversed(parts))


def _sample(state: State, table: str, now: int) -> list[dict[str, Any]]:
    """Rows that differ in kind, so that a few stand for all: a boolean, a small number and a time before or after now each
    make a kind, as does the absence of a value."""
    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in nsmallest(MOST_ROWS_READ, state.rows(table), key=repr):
        alike = kinds.setdefault(tuple(_kind(value, now) for value in row.values()), [])
        if len(alike) < MOST_ROWS_ALIKE:
            alike.append(row)
    return [row for turn in zip_longest(*kinds.values()) for row in turn if row is not None][:MOST_ROWS_TRIED]


def _kind(value: Any, now: int) -> Any:
    if isinstance(value, (bool, str)) or value is None:
        return value if isinstance(value, bool) else type(value)
    return value if -1000 < value < 1000 else value > now


def _direct(lookup: Lookup, parameters: Mapping[str, Parameter]) -> list[tuple[str, str]]:
    return [(column, expression.source) for column, expression in lookup.where if expression.source in parameters]


def _plain(parameter: Parameter, now: int) -> Iterable[Any]:
    """Values that are likely to be welcome, the likeliest first; None leaves the parameter out."""
    schema = parameter.schema
    optional = () if parameter.required else (None,)
    if "enum" in schema:
        return (*optional, *_texts(parameter, schema["enum"]))
    if parameter.type == "integer" and schema.get("maximum", now) < now:
        return (*optional, *_texts(parameter, [schema.get("minimum", 1), schema["maximum"]]))
    if parameter.type == "integer":
        step = 1 if parameter.required else 2
        return (*optional, *_texts(parameter, [now + step * HOUR, now + 60 * 24 * step * HOUR]))
    if parameter.type == "boolean":
        return (*optional, *_texts(parameter, [True, False]))
    return (*optional, *_texts(parameter, [schema.get("example", "text")])) if parameter.required else optional


def _texts(parameter: Parameter, values: Iterable[Any]) -> list[Any]:
    if parameter.location == "body":
        return list(values)
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _anchors(operation: Operation, bases: list[Raw], state: State, now: int) -> list[Raw]:
    """One base for each rule that some base reaches; a success comes first."""
    found: dict[int, Raw] = {}
    for raw in bases:
        found.setdefault(permitted(operation, raw, state, now).answer.number, raw)
    return [found[number] for number in sorted(found, reverse=True)] or bases[:1] or [{}]


def _few(values: list[Any]) -> list[Any]:
    return [values[0], *values[1:][-8:]]


def _deviations(parameter: Parameter, operation: Operation, state: State, now: int) -> Iterator[Any]:
    """None, which leaves the parameter out, and every value worth trying; in a path, only what one segment can hold."""
    if parameter.location != "path":
        yield None
        yield from _values(parameter, operation, state, now)
    else:
        yield from (each for each in _values(parameter, operation, state, now) if each and "/" not in str(each))


def _values(parameter: Parameter, operation: Operation, state: State, now: int) -> Iterator[Any]:
    """Every value worth trying for one parameter."""
    if parameter.credential or parameter.type == "string":
        yield from _column_values(parameter, operation, state, now)
        yield from ("x" * length for length in _lengths(parameter.schema))
        yield from (text for text in ("unknown", *_TEXTS) if not parameter.credential or (text.isascii() and "%" not in text))
    elif parameter.type in ("integer", "number"):
        yield from _texts(parameter, _numbers(parameter, operation, now))
        yield from _SPELLINGS
    elif parameter.type == "boolean":
        yield from _texts(parameter, (True, False))
        yield from ("TRUE", "1", "yes")
    if not parameter.credential:
        yield " "
        yield ""
    if parameter.location == "body":
        yield from (7, 1.5, True, [], {})


def _lengths(schema: Mapping[str, Any]) -> list[int]:
    """The limits of a text, one less and one more."""
    limits = [schema[word] for word in ("minLength", "maxLength") if word in schema]
    return [limit + step for limit in limits for step in (-1, 0, 1) if 0 < limit + step < LONGEST_TEXT]


def _column_values(parameter: Parameter, operation: Operation, state: State, now: int) -> Iterator[str]:
    for let in operation.lets.values():
        for column, expression in let.lookup.where if let.lookup else ():
            if expression.source == parameter.name and let.lookup:
                yield from dict.fromkeys(str(row[column]) for row in _sample(state, let.lookup.table, now))


def _numbers(parameter: Parameter, operation: Operation, now: int) -> Iterator[int]:
    low, high = INT_RANGES.get(parameter.schema.get("format", ""), INT_RANGES["int64"])
    limits = [parameter.schema[word] for word in ("minimum", "maximum") if word in parameter.schema]
    yield from (limit + step for limit in limits for step in (-1, 0, 1))
    enumeration = parameter.schema.get("enum", ())
    yield from enumeration
    near = {value + step for value in enumeration for step in (-1, 1)} - set(enumeration)
    yield from sorted(near)
    if not enumeration:
        yield from (now - 1, now, now + 1, now + 24 * HOUR, now // 1000, 0, 1, -1)
    yield from sorted({value for rule in operation.rules if rule.when for value in _constants(str(rule.when))})
    yield from (low, low - 1, high, high + 1, 2**32, 2**32 + 1, 2**64)


def _constants(source: str) -> list[int]:
    return [int(text) for text in re.findall(r"(?<![\w.])\d{1,19}(?![\w.])", source)]


def _near(base: Raw, name: str, operation: Operation) -> Iterator[str]:
    """For an integer: the other integers of the request, one less and one more."""
    types = {each.name: each.type for each in operation.parameters}
    if types[name] != "integer":
        return
    for other, value in base.items():
        if other != name and types.get(other) == "integer" and str(value).lstrip("-").isdecimal():
            yield from (str(int(value) + step) for step in (-1, 0, 1))
