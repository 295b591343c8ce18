"""Reads raw parameters into named values; each is present, missing or malformed.

Parsers differ, so this is the exact definition of this package:

- *missing*: absent, empty, or nothing but ASCII white space (a part of a path is always there).
- integer: ASCII decimal digits with an optional minus, within the range of the format (`int32`, else int64).
  `1.5`, `0x10`, `1_000`, ` 12`, `+12`, `１２`, `1e3` and `NaN` are not integers.
- number: a JSON number. boolean: `true` or `false`. string: anything that is not missing.
- *unreadable*: not of its type. *malformed*: unreadable, or invalid for the schema of the parameter.
- array: items, separated or repeated by the style of the parameter, each read by its own type.
- In a JSON body the type of a value must be the one of the schema. A value is missing there if it is absent or null; a blank
  text is a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import isfinite
from types import MappingProxyType
from typing import Any

from openapi.parameters.arrays import Items, split
from openapi.parameters.names import REQUEST, REQUEST_PARTS
from openapi.schemas.validator import validator


class Absence(Enum):
    """Why a name has no value."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNREADABLE = "unreadable"
    UNDETERMINED = "undetermined"

    def __bool__(self) -> bool:
        return False


MISSING, MALFORMED, UNREADABLE, UNDETERMINED = Absence
BLANK = " \t\r\n\v\f"
INT_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
CONSTRAINTS = frozenset(
    (
        *("enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "allOf", "not", "if"),
    )
)

Raw = Mapping[str, Any]
Read = Callable[[Any], Any]

_integer = re.compile(r"-?[0-9]+").fullmatch
_number = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?").fullmatch
_bearer = re.compile(r"bearer(?:[ \t]+|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """One named value of a request: an OpenAPI parameter, a property of its body, or the credential of a security scheme."""

    name: str
    location: str
    """query, path, header, cookie or body; request for a part of the request itself."""
    wire_name: str
    """Its name in the request; empty for a JSON body that is no object."""
    schema: Mapping[str, Any]
    required: bool
    read: Read
    """A function from the raw text (or JSON value) to a value, or to an `Absence`."""
    credential: bool = False
    items: Items | None = None
    """How the items of an array stand in the request; None for another type, and in a JSON body."""
    inside: str | None = None
    """The name of the parameter that it is a part of; its raw value is in the one of that."""
    keys: tuple[str, ...] = ()
    """The keys that lead to it there."""
    type: str = field(init=False)
    """The JSON type of the value; `string` where the schema names none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", json_type(self.schema))

    @property
    def secret(self) -> bool:
        """Whether nobody may read its value: it is a credential, or its schema says `format: password`."""
        return self.credential or self.schema.get("format") == "password"

    @property
    def key(self) -> str:
        """The name of the raw value that has it."""
        return self.inside or self.name

    def put(self, raw: Raw, value: Any) -> dict[str, Any]:
        """Raw values with another value of it, or without it for None."""
        if self.inside is None:
            return {name: each for name, each in {**raw, self.name: value}.items() if each is not None}
        return {**raw, self.inside: _with(raw.get(self.inside), self.keys, value)}

    def given(self, raw: Raw) -> Any:
        """Its value in raw values; None where it is absent."""
        found = raw.get(self.key)
        for key in self.keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def taken(self, values: Sequence[Any]) -> Any:
        """The raw value from the values that a request has under its name; there is at least one."""
        return self.items.taken(values) if self.items else values[0]

    def sent(self, raw: Any) -> list[Any]:
        """The values under its name in a request that has this raw value."""
        return self.items.sent(raw) if self.items else [raw]

    @property
    def default(self) -> Any:
        """The value of the parameter where it is absent, or None."""
        return self.schema.get("default")

    @property
    def constrained(self) -> bool:
        """Whether a value that is not blank can be malformed."""
        return self.location == "body" or self.type != "string" or not CONSTRAINTS.isdisjoint(self.schema)


def json_type(schema: Mapping[str, Any]) -> str:
    """The type of a schema besides null; `string` where it names none or several."""
    named = schema.get("type", "string")
    types = [name for name in ([named] if isinstance(named, str) else named) if name != "null"]
    return types[0] if len(types) == 1 else "string"


def reader(schema: Mapping[str, Any], location: str = "query") -> Read:
    """A function that reads one parameter by its schema. A blank text is missing, but not in a path or a JSON body."""
    parse = _typed(schema) if location == "body" else _PARSERS.get(json_type(schema), _text)(schema)
    default = MISSING if schema.get("default") is None else schema["default"]
    blank_is_missing = location not in ("path", "body")
    if blank_is_missing and parse is _any_text:
        parse = _text_unless_blank
    checked = _without_range(schema)
    constrained = not CONSTRAINTS.isdisjoint(checked) or json_type(schema) in ("array", "object")
    if json_type(schema) == "string" and blank_is_missing and not constrained:
        return lambda raw: default if raw is None or (type(raw) is str and not raw.strip(BLANK)) else raw
    allows = validator(checked).is_valid if constrained else None

    def read(raw: Any) -> Any:
        if raw is None:
            return default
        value = parse(raw)
        if value is UNREADABLE:  # a blank text is unreadable here too
            return default if blank_is_missing and not raw.strip(BLANK) else UNREADABLE
        if allows is not None and not allows(value):
            return MALFORMED
        return value

    return read


def _without_range(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without bounds that are no stricter than the range of its format, which the parser checks."""
    if json_type(schema) != "integer":
        return dict(schema)
    low, high = INT_RANGES.get(schema.get("format", ""), INT_RANGES["int64"])
    redundant = {"minimum": schema.get("minimum", low) <= low, "maximum": schema.get("maximum", high) >= high}
    return {key: value for key, value in schema.items() if not redundant.get(key)}


def _with(found: Any, keys: tuple[str, ...], value: Any) -> Any:
    """An object with another value where the keys lead, or without one for None; in the place of what is no object a new one."""
    if not keys:
        return value
    first, *rest = keys
    whole = found if isinstance(found, dict) else {}
    part = _with(whole.get(first), tuple(rest), value)
    return {key: each for key, each in whole.items() if key != first} if part is None else {**whole, first: part}


def part_reader(keys: tuple[str, ...], read: Read) -> Read:
    """Reads a part of an object by these keys. It is missing if an object above it is, and undetermined if that is none."""

    def read_part(raw: Any) -> Any:
        for key in keys:
            if raw is None:
                return read(None)
            if not isinstance(raw, dict):
                return UNDETERMINED
            raw = raw.get(key)
        return read(raw)

    return read_part


REQUEST_PARAMETERS = tuple(
    Parameter(f"{REQUEST}.{part}", REQUEST, part, {}, False, part_reader((part,), lambda raw: raw), inside=REQUEST, keys=(part,))
    for part in REQUEST_PARTS
)
"""The parts of the request itself, as texts."""


def read_credential(raw: str | None) -> str | Absence:
    """Reads a credential from its header, with or without `Bearer ` before it."""
    if raw is None:
        return MISSING
    text = raw.strip(BLANK)
    match = _bearer.match(text)
    return (text[match.end() :] if match else text) or MISSING


def _text(schema: Mapping[str, Any]) -> Read:
    return _any_text


def _any_text(raw: Any) -> Any:
    return raw


def _text_unless_blank(raw: Any) -> Any:
    return UNREADABLE if type(raw) is str and not raw.strip(BLANK) else raw


def _int(schema: Mapping[str, Any]) -> Read:
    low, high = INT_RANGES.get(schema.get("format", ""), INT_RANGES["int64"])

    def parse(raw: str) -> int | Absence:
        if not ((raw.isdecimal() and raw.isascii()) or _integer(raw)) or len(raw) > 1000:
            return UNREADABLE
        value = int(raw)
        return value if low <= value <= high else UNREADABLE

    return parse


def _float(schema: Mapping[str, Any]) -> Read:
    def parse(raw: str) -> float | Absence:
        value = float(raw) if _number(raw) else float("nan")
        return value if isfinite(value) else UNREADABLE

    return parse


def _bool(schema: Mapping[str, Any]) -> Read:
    spellings: dict[str, bool] = {"true": True, "false": False}
    return lambda raw: spellings.get(raw, UNREADABLE)


def _array(schema: Mapping[str, Any]) -> Read:
    items = schema.get("items")
    item = items if isinstance(items, dict) else {}
    parse = _PARSERS.get(json_type(item), _text)(item)

    def read(raw: str) -> list[Any] | Absence:
        if not raw.strip(BLANK):
            return UNREADABLE
        found = [parse(each) for each in split(raw)]
        return UNREADABLE if UNREADABLE in found else found

    return read


_PARSERS: dict[str, Callable[[Mapping[str, Any]], Read]] = {
    "string": _text,
    "integer": _int,
    "number": _float,
    "boolean": _bool,
    "array": _array,
}
_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def _typed(schema: Mapping[str, Any]) -> Read:
    name = json_type(schema)
    expected = _TYPES[name]
    low, high = INT_RANGES.get(schema.get("format", ""), INT_RANGES["int64"])

    def parse(raw: Any) -> Any:
        if name == "integer" and isinstance(raw, float) and raw.is_integer():
            raw = int(raw)  # 7.0 is an integer in JSON Schema
        if not isinstance(raw, expected) or (isinstance(raw, bool) and name != "boolean"):
            return UNREADABLE
        if name == "integer" and not low <= raw <= high:
            return UNREADABLE
        return raw

    return parse


_NOTHING: Raw = MappingProxyType({})


def gather(
    parameters: tuple[Parameter, ...],
    *,
    query: Raw,
    path: Raw = _NOTHING,
    headers: Raw = _NOTHING,
    cookies: Raw = _NOTHING,
    form: Raw = _NOTHING,
    body: Any = None,
    request: Raw = _NOTHING,
) -> dict[str, Any]:
    """The raw values of the parameters of an operation, from the parts of an HTTP request.

    The names of `headers` must be in lower case. A value of an array that is repeated may be a list. Query parameters may also
    be in the form; where both have one, the query wins. `request` has the parts of the request itself.
    """
    properties = {**body, "": body} if isinstance(body, dict) else {"": body}
    sources = {"query": query, "path": path, "header": headers, "cookie": cookies, "body": properties}
    raw: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.location == REQUEST:
            raw[REQUEST] = request
        if parameter.inside is not None:
            continue
        value = sources[parameter.location].get(parameter.wire_name)
        if value is None and parameter.location == "query":
            value = form.get(parameter.wire_name)
        if value is not None and parameter.items is not None:
            value = parameter.taken(value if isinstance(value, list) else [value])
        if value is not None:
            raw[parameter.name] = value
    return raw
