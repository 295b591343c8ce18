"""Candidate values for each parameter: likely valid ones, and likely invalid ones.

The values come from the columns that a parameter is looked up by, the enumeration and its neighbours, the boundaries of the
type, times around now, the constants of expressions, and spellings that some parsers accept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import zip_longest
from typing import Any

from openapi.decision.contract import Operation
from openapi.decision.lookup import Let
from openapi.parameters.arrays import joined
from openapi.parameters.parameter import INT_RANGES, Parameter
from openapi.schemas.sample import sample as sample_of
from openapi.state.state import State, is_lost

HOUR = 3_600_000
MOST_ROWS_TRIED = 24
MOST_ROWS_ALIKE = 3
MOST_ROWS_READ = 10_000
LONGEST_TEXT = 10_000
_SPELLINGS = ("1.5", "0x10", "1_000", "NaN", "abc", "--1", "1,000", "1e3", "null", "undefined")
_TEXTS = ("é", "设备", "x" * 300, "'", "%00", "a b", "\U0001f600")

_FULL_WIDTH = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}
"""Translates ASCII to full-width characters."""

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A table that parameters are looked up in; `columns` maps a parameter to its column. A row gives consistent values."""

    table: str
    columns: Mapping[str, str]


def sources(operation: Operation) -> list[Source]:
    """The tables that the parameters of an operation are looked up in; each parameter belongs to at most one source."""
    found: list[Source] = []
    covered: set[str] = set()
    for let in operation.lets.values():
        columns = _columns(let, operation)
        if columns and let.lookup and covered.isdisjoint(columns):
            covered |= set(columns)
            found.append(Source(let.lookup.table, columns))
    return found


def _columns(let: Let, operation: Operation) -> dict[str, str]:
    """The column that each parameter is compared with in a let, directly or through a `first` let."""
    parameters = {each.name for each in operation.parameters}
    found = {}
    for column, expression in let.lookup.where if let.lookup else ():
        other = operation.lets.get(expression.source)
        named = (expression.source, *(each.source for each in other.choices)) if other else (expression.source,)
        found.update({name: column for name in named if name in parameters})
    return found


def sample(state: State, table: str, now: int) -> list[dict[str, Any]]:
    """A few rows of each kind. The kind of a row depends on its booleans, small numbers and null values, and on whether its times
    are before or after `now` (epoch ms)."""
    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in nsmallest(MOST_ROWS_READ, state.rows(table), key=repr):
        alike = kinds.setdefault(tuple(_kind(value, now) for value in row.values()), [])
        if len(alike) < MOST_ROWS_ALIKE:
            alike.append(row)
    found = [row for turn in zip_longest(*kinds.values()) for row in turn if row is not None][:MOST_ROWS_TRIED]
    return [{name: None if is_lost(value) else value for name, value in row.items()} for row in found]


def _kind(value: Any, now: int) -> Any:
    if isinstance(value, (bool, str)) or value is None:
        return value if isinstance(value, bool) else type(value)
    return value if -1000 < value < 1000 else value > now


def likely(parameter: Parameter, now: int) -> Iterable[Any]:
    """Values that are likely to be valid, the most likely first; None leaves the parameter out. `now` is epoch ms."""
    schema = parameter.schema
    optional = () if parameter.required else (None,)
    if "enum" in schema:
        return (*optional, *texts(parameter, schema["enum"]))
    if parameter.type == "integer" and schema.get("maximum", now) < now:
        return (*optional, *texts(parameter, [schema.get("minimum", 1), schema["maximum"]]))
    if parameter.type == "integer":
        step = 1 if parameter.required else 2
        return (*optional, *texts(parameter, [now + step * HOUR, now + 60 * 24 * step * HOUR]))
    if parameter.type == "boolean":
        return (*optional, *texts(parameter, [True, False]))
    if parameter.type in ("array", "object"):
        return (*optional, *texts(parameter, [sample_of(schema)[0]]))
    return (*optional, *texts(parameter, [schema.get("example", "text")])) if parameter.required else optional


def texts(parameter: Parameter, values: Iterable[Any]) -> list[Any]:
    """Values in the form in which they are sent: unchanged in a JSON body, else as text."""
    if parameter.location == "body":
        return list(values)
    return [joined(map(_text, value)) if isinstance(value, list) else _text(value) for value in values]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def values(parameter: Parameter, operation: Operation, state: State, now: int) -> Iterator[Any]:
    """All candidate values for one parameter, valid and invalid. `now` is epoch ms."""
    if parameter.credential or parameter.type == "string":
        yield from _column_values(parameter, operation, state, now)
        yield from ("x" * length for length in _lengths(parameter.schema))
        yield from (text for text in ("unknown", *_TEXTS) if not parameter.credential or (text.isascii() and "%" not in text))
    elif parameter.type in ("integer", "number"):
        yield from texts(parameter, _numbers(parameter, operation, now))
        yield from _SPELLINGS
    elif parameter.type == "boolean":
        yield from texts(parameter, (True, False))
        yield from ("TRUE", "1", "yes")
    elif parameter.type == "array":
        yield from texts(parameter, _arrays(parameter))
    if not parameter.credential:
        yield " "
        yield ""
    if parameter.location == "body":
        yield from (7, 1.5, True, [], {})


def _arrays(parameter: Parameter) -> Iterator[list[Any]]:
    """A valid array, the same with more, fewer and other items, and its items twice."""
    found = sample_of(parameter.schema)[0]
    valid = found if isinstance(found, list) else []
    yield valid
    yield valid[:-1]
    yield [*valid, *valid]
    yield [*valid, "text"]
    yield [*valid, -1]


def _lengths(schema: Mapping[str, Any]) -> list[int]:
    """The limits of the length of a text, and one less and one more."""
    limits = [schema[word] for word in ("minLength", "maxLength") if word in schema]
    return [limit + step for limit in limits for step in (-1, 0, 1) if 0 < limit + step < LONGEST_TEXT]


def _column_values(parameter: Parameter, operation: Operation, state: State, now: int) -> Iterator[str]:
    for source in sources(operation):
        if parameter.name in source.columns:
            column = source.columns[parameter.name]
            yield from dict.fromkeys(str(row[column]) for row in sample(state, source.table, now) if row[column] is not None)


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


def near(base: Raw, name: str, operation: Operation) -> Iterator[str]:
    """For an integer parameter: the other integers of the request, and one less and one more."""
    types = {each.name: each.type for each in operation.parameters}
    if types[name] != "integer":
        return
    for other, value in base.items():
        if other != name and types.get(other) == "integer" and str(value).lstrip("-").isdecimal():
            yield from (str(int(value) + step) for step in (-1, 0, 1))


def respelled(base: Raw, name: str, operation: Operation) -> Iterator[str]:
    """The value of a parameter in other spellings, which only some servers read as the same value."""
    parameter = next(each for each in operation.parameters if each.name == name)
    text = base.get(name)
    if not isinstance(text, str) or parameter.location == "body" or parameter.credential or not text:
        return
    if parameter.location != "header":  # where white space around a value is none of it
        yield from (f" {text}", f"{text} ")
    yield from (text.translate(_FULL_WIDTH), "null", "undefined")
    if parameter.type == "integer":
        yield from (f"+{text}", f"0{text}", f"{text}.0", f"{text}e0")
    elif any(name in source.columns for source in sources(operation)):
        yield text.swapcase()
