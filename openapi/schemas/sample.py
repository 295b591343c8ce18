"""A value that a schema allows, always the same: its example if it has one, else a simple one.

The value is checked. Where a simple one does not fit, examples that are wrong are left out, then every choice of `anyOf` and
`oneOf` is tried, and at last the schema is taken in the canonical form of the validator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from openapi.schemas.convert import DEFINITION, WRITE_ONLY
from openapi.schemas.flat import CHOICES, Definitions, flat
from openapi.schemas.patterns import matches, matching
from openapi.schemas.validator import canonical, validator

MOST_VALUES = 2000
"""The most values of a sample: a schema may be recursive, or wide at every level."""
OPTION_DEPTHS = (4, 2, 1, 0)
"""Depths from which optional values are left out; the first that keeps within the bound is taken."""
DEEPEST = 12
MOST_ITEMS, LONGEST_TEXT = 100, 10_000
MOST_WRONG_EXAMPLES = 5
"""How often a sample is built again without an example that does not fit."""

Path = tuple[str | int, ...]
"""The place of a value in a sample."""

TEXTS = {
    "date-time": "2030-01-31T12:00:00Z",
    "date": "2030-01-31",
    "time": "12:00:00Z",
    "duration": "P1D",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "somebody@example.com",
    "idn-email": "somebody@example.com",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "uri-template": "https://example.com/{id}",
    "iri": "https://example.com/",
    "iri-reference": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-pointer": "/text",
    "relative-json-pointer": "0",
    "byte": "dGV4dA==",
}
_TELLING = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "discriminator"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords that tell the type of a schema that names none."""


class _Endless(Exception):
    """A value that requires itself."""


class _TooMany(Exception):
    """A sample of more than the most values."""


def sample(schema: Mapping[str, Any]) -> tuple[Any, str]:
    """A value for a schema that stands alone, and a sentence why it does not fit, which is empty if it does.

    Raises ValueError for an invalid schema.
    """
    checker, problem, first = validator(schema, formats=True), "", None
    for value in _attempts(schema, checker):
        error = next(iter(checker.iter_errors(value)), None)
        if error is None:
            return value, ""
        if not problem:
            first, problem = value, str(error.message)[:150]
    return first, problem or "it requires itself without end"


def _attempts(schema: Mapping[str, Any], checker: Any) -> Iterator[Any]:
    for build in (_simple, _careful, _canonical):
        wrong: set[Path] = set()
        for _ in range(MOST_WRONG_EXAMPLES):
            try:
                value = build(schema, wrong)
            except (_Endless, _TooMany):
                return
            yield value
            more = {tuple(error.instance_path) for error in checker.iter_errors(value)} - wrong
            if not more:
                break
            wrong |= more


def _simple(schema: Mapping[str, Any], wrong: set[Path]) -> Any:
    return _within_bounds(schema, wrong, careful=False)


def _careful(schema: Mapping[str, Any], wrong: set[Path]) -> Any:
    return _within_bounds(schema, wrong, careful=True)


def _canonical(schema: Mapping[str, Any], wrong: set[Path]) -> Any:
    return _within_bounds(canonical(schema), wrong, careful=True)


def _within_bounds(schema: Mapping[str, Any], wrong: set[Path], careful: bool) -> Any:
    for depth in OPTION_DEPTHS:
        try:
            return _Sampler(schema.get("$defs", {}), wrong, depth, careful).value(schema, ())
        except _TooMany:
            continue
    raise _TooMany


class _Sampler:
    def __init__(self, definitions: Definitions, wrong: set[Path], option_depth: int, careful: bool) -> None:
        self.definitions, self.wrong, self.option_depth, self.careful = definitions, wrong, option_depth, careful
        self.left = MOST_VALUES

    def value(self, schema: Any, path: Path, nth: int = 0) -> Any:
        """A value at a place. `nth` counts the items of a list whose items must differ, from 0."""
        self.left -= 1
        if self.left < 0:
            raise _TooMany
        if len(path) > DEEPEST:
            raise _Endless
        whole = self._discriminated(schema, flat(schema, self.definitions))
        if not any(place[: len(path)] == path for place in self.wrong):
            for example in _examples(whole, nth):
                return example
        if whole.get("enum"):
            return whole["enum"][nth % len(whole["enum"])]
        if CHOICES in whole:
            return self._chosen(whole, path, nth)
        return self._typed(whole, path, nth)

    def _discriminated(self, schema: Any, whole: dict[str, Any]) -> dict[str, Any]:
        """A schema with the value of its discriminator that means it; of the one that has the discriminator, the first meant."""
        discriminator = whole.pop("discriminator", None)
        if discriminator is None:
            return whole
        name, mapping, own = discriminator["propertyName"], discriminator["mapping"], _definition_of(schema)
        key = next((key for key, definition in mapping.items() if definition == own), own)
        if key == own and mapping and (not own or "discriminator" in self.definitions.get(own, {})):
            key, definition = next(iter(mapping.items()))
            whole = flat({"allOf": [whole, {"$ref": DEFINITION + definition}]}, self.definitions)
        known = flat(whole.get("properties", {}).get(name, {}), self.definitions)
        if key and "const" not in known and key in known.get("enum", [key]):  # else something else has chosen
            condition = {"properties": {name: {"const": key}}, "required": [name]}
            whole = flat({"allOf": [whole, condition]}, self.definitions)
        whole.pop("discriminator", None)
        return whole

    def _chosen(self, whole: dict[str, Any], path: Path, nth: int) -> Any:
        """The first choice that can be, in a careful attempt the first that fits."""
        (word, options), *others = whole[CHOICES]
        rest = {key: value for key, value in whole.items() if key != CHOICES}
        if others:
            rest[CHOICES] = others
        found: list[Any] = []
        for option in options:
            try:
                found.append(self.value({"allOf": [rest, option]}, path, nth))
            except _Endless:
                continue
            if not self.careful or self._is_valid({word: options}, found[-1]):
                return found[-1]
        if not found:
            raise _Endless
        return found[0]

    def _is_valid(self, schema: dict[str, Any], value: Any) -> bool:
        return bool(validator({**schema, "$defs": self.definitions}).is_valid(value))

    def _typed(self, whole: dict[str, Any], path: Path, nth: int) -> Any:
        named = whole.get("type") or next(
            (name for name, words in _TELLING.items() if any(word in whole for word in words)), "null"
        )
        types = [named] if isinstance(named, str) else sorted(named, key="null".__eq__)
        try:
            return self._of_type(types[0], whole, path, nth)
        except _Endless:
            if "null" in types:
                return None
            raise

    def _of_type(self, name: str, whole: dict[str, Any], path: Path, nth: int) -> Any:
        match name:
            case "object":
                return self._object(whole, path, nth)
            case "array":
                return self._array(whole, path)
            case "string":
                return _text(whole, nth)
            case "integer" | "number":
                return _number(whole, name, nth)
            case "boolean":
                return nth % 2 == 0
        return None

    def _object(self, whole: dict[str, Any], path: Path, nth: int) -> dict[str, Any]:
        properties, required = whole.get("properties", {}), whole.get("required", [])
        most = whole.get("maxProperties", len(properties) + MOST_ITEMS)
        found: dict[str, Any] = {}
        for name in [*properties, *(name for name in required if name not in properties)]:
            must = name in required
            if not must and (len(path) >= self.option_depth or len(found) >= most):
                continue
            schema = properties.get(name, self._other(whole, name))
            if schema is False or (not must and flat(schema, self.definitions).get(WRITE_ONLY)):
                continue
            try:
                found[name] = self.value(schema, (*path, name), nth)
            except _Endless:
                if must:
                    raise
        least = whole.get("minProperties", int(self._is_map(whole) and len(path) < self.option_depth and most > 0))
        for name in _names(whole.get("propertyNames"), len(found)):
            if len(found) >= min(least, MOST_ITEMS):
                break
            found.setdefault(name, self.value(self._other(whole, name), (*path, name)))
        return found

    @staticmethod
    def _is_map(whole: dict[str, Any]) -> bool:
        return not whole.get("properties") and (
            isinstance(whole.get("additionalProperties"), dict) or "patternProperties" in whole
        )

    @staticmethod
    def _other(whole: dict[str, Any], name: str) -> Any:
        """The schema of a property that is not named."""
        patterns = whole.get("patternProperties", {})
        found = [schema for pattern, schema in patterns.items() if matches(pattern, name)]
        other = whole.get("additionalProperties", {})
        return found[0] if found else other if isinstance(other, dict) and other else {"type": "string"}

    def _array(self, whole: dict[str, Any], path: Path) -> list[Any]:
        first, least = whole.get("prefixItems", []), whole.get("minItems", 0)
        if len(path) >= self.option_depth and not least:
            return []
        rest = whole.get("items", {"type": "string"} if least > len(first) else False)
        if "contains" in whole and not first:
            first = [{"allOf": [rest or {}, whole["contains"]]}]
        wanted = max(least, len(first) if rest is False or first else 1)
        count = int(min(wanted, whole.get("maxItems", MOST_ITEMS), MOST_ITEMS))
        schemas = [*first, *([] if rest is False else [rest] * count)][:count]
        try:
            different = whole.get("uniqueItems") is True
            return [self.value(each, (*path, number), number if different else 0) for number, each in enumerate(schemas)]
        except _Endless:
            if least:
                raise
            return []


def _definition_of(schema: Any) -> str:
    """The definition that a schema refers to, itself or in the last part of its `allOf` that does."""
    if not isinstance(schema, dict):
        return ""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(DEFINITION)
    return next(filter(None, map(_definition_of, reversed(schema.get("allOf", [])))), "")


def _examples(whole: dict[str, Any], nth: int) -> Iterator[Any]:
    if "const" in whole:
        yield whole["const"]
    if nth == 0:
        yield from (whole[name] for name in ("example", "default") if name in whole)
    if isinstance(examples := whole.get("examples"), list) and nth < len(examples):
        yield examples[nth]


def _names(schema: Any, taken: int) -> Iterator[str]:
    """Names for the properties of a map, endless unless a schema lists them."""
    listed = schema.get("enum") if isinstance(schema, dict) else None
    if listed:
        yield from map(str, listed)
        return
    pattern = schema.get("pattern") if isinstance(schema, dict) else None
    first = (pattern and matching(pattern, 0, LONGEST_TEXT)) or "key"
    yield first
    yield from (f"{first}{number}" for number in range(2, MOST_ITEMS + taken + 2))


def _text(whole: dict[str, Any], nth: int) -> str:
    shortest, longest = int(whole.get("minLength", 0)), int(whole.get("maxLength", LONGEST_TEXT))
    if "pattern" in whole and (found := matching(whole["pattern"], shortest, longest)) is not None:
        return found
    name = whole.get("format", "")
    text = TEXTS.get(name, "text").ljust(min(shortest, LONGEST_TEXT), "x")[: max(longest, shortest)]
    if nth == 0:
        return text
    if name in ("date", "date-time"):
        return f"{text[:8]}{nth % 28 + 1:02}{text[10:]}"
    number = str(nth)
    if name == "email":
        return number + text
    return text[: -len(number)] + number if name == "uuid" or len(text) + len(number) > longest else text + number


def _number(whole: dict[str, Any], name: str, nth: int) -> int | float:
    step = whole.get("multipleOf") or 1
    low, high = whole.get("minimum"), whole.get("maximum")
    above, below = whole.get("exclusiveMinimum"), whole.get("exclusiveMaximum")
    least = max((each for each in (low, above) if each is not None), default=None)
    most = min((each for each in (high, below) if each is not None), default=None)
    start = least if least is not None else min(0, most) if most is not None else 0
    value = math.ceil(start / step) * step if least is not None else math.floor(start / step) * step
    if above is not None and value <= above:
        value += step
    if below is not None and value >= below and least is None:
        value -= step
    if name == "number" and least is not None and most is not None and not least <= value <= most:
        value = (least + most) / 2
    value += nth * step
    return int(value) if name == "integer" or value == int(value) else value
