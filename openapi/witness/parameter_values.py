"""Candidate values for each parameter: likely valid ones, and likely invalid ones.

The values come from the columns that a parameter is looked up by or compared with, its examples, the enumeration and its
neighbours, the boundaries of the type, times around now, the constants of expressions, and spellings that some parsers accept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from openapi.decision.computed import COMPUTED
from openapi.decision.contract import Operation
from openapi.parameters.arrays import joined
from openapi.parameters.parameter import INT_RANGES, Parameter
from openapi.schemas.flat import flat
from openapi.schemas.sample import sample as sample_of
from openapi.witness.clues import Clues, Source, item_sources, sources, texts_in

HOUR = 3_600_000
DAY = 24 * HOUR
MOST_EXAMPLES = 3
"""The most examples of a parameter that complete requests are made of."""
MOST_NUMBERS = 6
"""The most numbers of columns that complete requests are made of."""
MOST_COMPARED = 6
"""The most values of one parameter that are tried together with those of others."""
MOST_VARIED = 2
"""The most items of an array whose parts are varied."""
MOST_OTHERS = 20
"""The most other values of one part of an item."""
MOST_ARRAYS = 6
"""The most arrays of items of rows that complete requests are made of."""
MOST_ROWS_OF_ITEMS = 8
LONGEST_TEXT = 10_000
_SPELLINGS = ("1.5", "0x10", "1_000", "NaN", "abc", "--1", "1,000", "1e3", "null", "undefined")
_TEXTS = ("é", "设备", "x" * 300, "'", "%00", "a b", "\U0001f600")

_FULL_WIDTH = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}
"""Translates ASCII to full-width characters."""

Raw = dict[str, Any]


def likely(parameter: Parameter, clues: Clues) -> Iterable[Any]:
    """Values that are likely to be valid, the most likely first; None leaves the parameter out."""
    if parameter.name in clues.operation.computed:
        return (COMPUTED,)
    optional = () if parameter.required else (None,)
    is_time = parameter.type == "integer" and clues.unit_of_time(parameter.name) is not None
    first = () if is_time else examples(parameter)  # an example of a time is soon too old, or else far away
    found = [*first, *_valid(parameter, clues)]
    return (*optional, *texts(parameter, _different(found)))


def _valid(parameter: Parameter, clues: Clues) -> Iterable[Any]:
    """Values besides the examples that the schema of a parameter allows."""
    schema = parameter.schema
    if "enum" in schema:
        return schema["enum"]  # type: ignore[no-any-return]
    if parameter.type in ("integer", "number"):
        return _likely_numbers(parameter, clues)
    if parameter.type == "boolean":
        return [True, False]
    if parameter.type == "array" and (found := list(_arrays_of_rows(parameter, clues))):
        return found[:MOST_ARRAYS]
    if parameter.type in ("array", "object") or (parameter.required and not examples(parameter)):
        return [sample_of(schema)[0]]
    return []


def _likely_numbers(parameter: Parameter, clues: Clues) -> list[Any]:
    schema, unit = parameter.schema, clues.unit_of_time(parameter.name)
    if "maximum" in schema and schema["maximum"] < clues.now // (unit or 1):
        limits = [schema.get("minimum", 1), schema["maximum"]]
        return [*limits, *_allowed(schema, clues.numbers(parameter.name)[:MOST_NUMBERS])]
    if unit is not None:
        return _likely_times(parameter, clues, unit)
    small = _allowed(schema, (1, *clues.numbers(parameter.name)))[:MOST_NUMBERS]
    compared = clues.compared[parameter.name]
    unknown = not compared.columns and parameter.type == "integer"
    times = _likely_times(parameter, clues, 1) if unknown else []
    return [*small, *times] or [sample_of(schema)[0]]


def _likely_times(parameter: Parameter, clues: Clues, unit: int) -> list[int]:
    """Times in the future, and now if an expression states how far from now the parameter may be."""
    step = 1 if parameter.required else 2
    times = [clues.now + step * HOUR, clues.now + 60 * step * DAY]
    return [each // unit for each in (*times, *([clues.now] if clues.compared[parameter.name].distances else []))]


def _allowed(schema: Mapping[str, Any], numbers: Iterable[int | float]) -> list[int | float]:
    """The numbers between the limits of a schema."""
    return [each for each in numbers if schema.get("minimum", each) <= each <= schema.get("maximum", each)]


def examples(parameter: Parameter) -> list[Any]:
    """The examples that the document gives for a parameter, at most MOST_EXAMPLES."""
    schema = parameter.schema
    listed = schema.get("examples")
    found = [*([schema["example"]] if "example" in schema else []), *(listed if isinstance(listed, list) else [])]
    return _different(each for each in found if each is not None)[:MOST_EXAMPLES]


def _different(values: Iterable[Any]) -> list[Any]:
    """The values without repetitions; 1 and true are different."""
    return list({repr(each): each for each in values}.values())


def texts(parameter: Parameter, values: Iterable[Any]) -> list[Any]:
    """Values in the form in which they are sent: unchanged in a JSON body, else as text."""
    if parameter.location == "body":
        return list(values)
    return [joined(map(_text, value)) if isinstance(value, list) else _text(value) for value in values]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def values(parameter: Parameter, clues: Clues) -> Iterator[Any]:
    """All candidate values for one parameter, valid and invalid."""
    if parameter.credential or parameter.type == "string":
        yield from _column_values(parameter, clues)
        yield from clues.texts(parameter.name)
        yield from texts(parameter, examples(parameter))
        yield from ("x" * length for length in _lengths(parameter.schema))
        yield from _of_measured_lengths(parameter.name, (each.source for each in clues.conditions_of_rows))
        yield from (text for text in ("unknown", *_TEXTS) if not parameter.credential or (text.isascii() and "%" not in text))
    elif parameter.type in ("integer", "number"):
        yield from _column_values(parameter, clues)
        yield from texts(parameter, _different(_numbers(parameter, clues)))
        yield from _SPELLINGS
    elif parameter.type == "boolean":
        yield from texts(parameter, (True, False))
        yield from ("TRUE", "1", "yes")
    elif parameter.type == "array":
        yield from texts(parameter, _different((*_arrays(parameter, clues), *_arrays_of_rows(parameter, clues))))
    if not parameter.credential:
        yield " "
        yield ""
    if parameter.location == "body":
        yield from (7, 1.5, True, [], {})
    if parameter.type == "string":
        yield from clues.written(parameter.name)


def _arrays(parameter: Parameter, clues: Clues) -> Iterator[list[Any]]:
    """A valid array, the same with more, fewer and other items, with other parts of items, and its items twice; the examples."""
    found = sample_of(parameter.schema)[0]
    valid = found if isinstance(found, list) else []
    yield valid
    yield valid[:-1]
    yield [*valid, *valid]
    yield [*valid, "text"]
    yield [*valid, -1]
    yield from (each for each in examples(parameter) if isinstance(each, list))
    items = parameter.schema.get("items")
    if isinstance(items, dict) and examples(parameter):
        other, why = sample_of({**items, "$defs": parameter.schema.get("$defs", {})})
        yield from [] if why else ([other], [*valid, other])
    yield from _with_other_parts(valid, clues)


def _with_other_parts(array: list[Any], clues: Clues) -> Iterator[list[Any]]:
    """The array without one part of one item, and with another value of it: of rows, near it, of other types."""
    for position, item in enumerate(array[:MOST_VARIED]):
        before, after = array[:position], array[position + 1 :]
        for name, value in item.items() if isinstance(item, dict) else ():
            yield [*before, {key: each for key, each in item.items() if key != name}, *after]
            found = [*_beside(value), *clues.of_lets(name)]
            yield from ([*before, {**item, name: each}, *after] for each in _different(found)[:MOST_OTHERS])


def _beside(value: Any) -> list[Any]:
    """Values near a value, and of other types."""
    near = [value - 1, value + 1] if isinstance(value, int) and not isinstance(value, bool) else []
    return [*near, not value if isinstance(value, bool) else True, "text", 0]


def _arrays_of_rows(parameter: Parameter, clues: Clues) -> Iterator[list[Any]]:
    """Arrays of objects that are looked up in tables: items of one row, of two, with numbers of theirs, and an unknown one."""
    for source in item_sources(clues.operation, parameter.name):
        rows = clues.rows(source.table)[:MOST_ROWS_OF_ITEMS]
        items = [list(items_of(parameter, source, row)) for row in rows]
        if not any(items):
            return
        yield from ([one[0], other[0]] for one, other in pairwise(items))
        yield from ([each] for one in items for each in one)
        yield [items[0][0], sample_of(parameter.schema)[0][0]]
        yield from ([one[0], each] for one, other in pairwise(items) for each in other[1:])


def items_of(parameter: Parameter, source: Source, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Items of an array that a row gives: a simple one, and those with numbers that matter to the row."""
    found = sample_of(parameter.schema)[0] if parameter.location == "body" else None
    if isinstance(found, list) and found and isinstance(found[0], dict):
        item = {**found[0], **{part: row[column] for part, column in source.columns.items()}}
        definitions = parameter.schema.get("$defs", {})
        yield item
        properties = flat(parameter.schema.get("items", {}), definitions).get("properties", {})
        yield from ({**item, **more} for more in _numbers_of(row, properties))


def _numbers_of(row: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[dict[str, int]]:
    """For each integer part of an item the limits of its schema, the numbers of the row, one more, and less than none."""
    integers = [value for value in row.values() if type(value) is int]
    for name, schema in properties.items():
        if isinstance(schema, dict) and schema.get("type") == "integer":
            limits = [schema[word] for word in ("minimum", "maximum") if word in schema]
            near = [sign * (value + step) for value in integers for step in (0, 1) for sign in (1, -1)]
            yield from ({name: int(value)} for value in dict.fromkeys((*_allowed(schema, near), *limits)))


def _lengths(schema: Mapping[str, Any]) -> list[int]:
    """The limits of the length of a text, and one less and one more."""
    return _beside_lengths(schema[word] for word in ("minLength", "maxLength") if word in schema)


def _beside_lengths(limits: Iterable[int]) -> list[int]:
    return [limit + step for limit in limits for step in (-1, 0, 1) if 0 < limit + step < LONGEST_TEXT]


def _of_measured_lengths(name: str, sources: Iterable[str]) -> list[str]:
    """Texts of the lengths with which expressions compare that of a parameter, `size(name) > 40`, and one less and one more."""
    measured = re.compile(rf"(?<![\w.])size\(\s*{re.escape(name)}\s*\)\s*[<>=!]=?\s*(\d{{1,5}})\b")
    limits = dict.fromkeys(int(digits) for source in sources for digits in measured.findall(source))
    return ["x" * length for length in _beside_lengths(limits)]


def _column_values(parameter: Parameter, clues: Clues) -> list[Any]:
    """The values of the column that a parameter is looked up by, and of a text those of columns that it is compared with."""
    source = clues.source_of(parameter.name)
    columns = {(source.table, source.columns[parameter.name]): None} if source else {}
    if parameter.type == "string":
        columns |= clues.compared[parameter.name].columns
    found = (row.get(column) for table, column in columns for row in clues.rows(table))
    return texts(parameter, _different(each for each in found if each is not None))


def _numbers(parameter: Parameter, clues: Clues) -> Iterator[int | float]:
    schema, now = parameter.schema, clues.now
    low, high = INT_RANGES.get(schema.get("format", ""), INT_RANGES["int64"])
    limits = [schema[word] for word in ("minimum", "maximum") if word in schema]
    yield from (limit + step for limit in limits for step in (-1, 0, 1))
    yield from examples(parameter)
    enumeration = schema.get("enum", ())
    yield from enumeration
    near = {value + step for value in enumeration for step in (-1, 1)} - set(enumeration)
    yield from sorted(near)
    if not enumeration:
        yield from (now - 1, now, now + 1, now + DAY, now // 1000, 0, 1, -1)
        yield from _around_now(parameter, clues)
    yield from clues.numbers(parameter.name)
    yield from sorted({value for rule in clues.operation.rules if rule.when for value in _constants(str(rule.when))})
    yield from (low, low - 1, high, high + 1, 2**32, 2**32 + 1, 2**64)


def _around_now(parameter: Parameter, clues: Clues) -> Iterator[int]:
    """Times well outside the windows around now that expressions state for a parameter, and in seconds what is in seconds."""
    compared = clues.compared[parameter.name]
    for unit in sorted(compared.units):
        now = clues.now // unit
        yield from () if unit == 1 else (now - 1, now + 1, now + DAY // unit)
        yield from (now + 2 * sign * distance for distance in sorted(compared.distances) for sign in (-1, 1))


def compared_with(parameter: Parameter, source: str) -> list[Any]:
    """The values that an expression seems to compare a parameter with."""
    if "enum" in parameter.schema:
        found = parameter.schema["enum"][:MOST_COMPARED]
    elif parameter.type == "boolean":
        found = [True, False]
    elif parameter.type == "string":
        found = [*texts_in(source), *_of_measured_lengths(parameter.name, [source])]
    else:
        numbers = _constants(source) if parameter.type in ("integer", "number") else []
        found = _different(value + step for value in numbers for step in (0, 1, -1))
    return texts(parameter, found[:MOST_COMPARED])


def _constants(source: str) -> list[int]:
    return [int(text) for text in re.findall(r"(?<![\w.])\d{1,19}(?![\w.])", source)]


def near(base: Raw, name: str, operation: Operation) -> Iterator[Any]:
    """For an integer parameter: the other integers of the request, and one less and one more."""
    parameters = {each.name: each for each in operation.parameters}
    if parameters[name].type != "integer":
        return
    for other, parameter in parameters.items():
        value = str(parameter.given(base)) if other != name and parameter.type == "integer" else ""
        if value.lstrip("-").isdecimal():
            yield from texts(parameters[name], [int(value) + step for step in (-1, 0, 1)])


def respelled(base: Raw, name: str, operation: Operation) -> Iterator[str]:
    """The value of a parameter in other spellings, which only some servers read as the same value."""
    parameter = next(each for each in operation.parameters if each.name == name)
    text = parameter.given(base)
    if not isinstance(text, str) or parameter.location == "body" or parameter.credential or text in ("", COMPUTED):
        return
    if parameter.location != "header":  # where white space around a value is none of it
        yield from (f" {text}", f"{text} ")
    yield from (text.translate(_FULL_WIDTH), "null", "undefined")
    if parameter.type == "integer":
        yield from (f"+{text}", f"0{text}", f"{text}.0", f"{text}e0")
    elif any(name in source.columns for source in sources(operation)):
        yield text.swapcase()
