"""One flat schema from a schema that refers to others, or is all of several: what a value must meet, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openapi.schemas.convert import DEFINITION

CHOICES = "choices"
"""The key of a flat schema for its `anyOf` and `oneOf`, as (word, schemas)."""
_LEAST = ("exclusiveMinimum", "minItems", "minLength", "minProperties", "minimum", "minContains")
_MOST = ("exclusiveMaximum", "maxItems", "maxLength", "maxProperties", "maximum", "maxContains")
_BOTH = ("additionalProperties", "items", "propertyNames", "unevaluatedItems", "unevaluatedProperties")
_ANNOTATIONS = ("default", "example", "examples")

Definitions = Mapping[str, Any]


def flat(schema: Any, definitions: Definitions) -> dict[str, Any]:
    """The schema without `$ref` and `allOf`; what its parts say of a property is an `allOf` of that property.

    `definitions` are what it may refer to. A schema that is all of itself is read once.
    """
    return _flat(schema, definitions, frozenset())


def uses_definitions(value: Any) -> bool:
    """Whether a schema refers to a definition, at any depth."""
    if isinstance(value, dict):
        return "$ref" in value or any(map(uses_definitions, value.values()))
    return isinstance(value, list) and any(map(uses_definitions, value))


def _flat(schema: Any, definitions: Definitions, inside: frozenset[str]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {} if schema else {"not": {}}
    own = {key: value for key, value in schema.items() if key not in ("$ref", "$defs", "allOf", "anyOf", "oneOf")}
    if choices := [(word, schema[word]) for word in ("anyOf", "oneOf") if word in schema]:
        own[CHOICES] = choices
    found: dict[str, Any] = {}
    reference = schema.get("$ref", "").removeprefix(DEFINITION)
    if reference and reference not in inside:
        found = _merged(found, _flat(definitions.get(reference, {}), definitions, inside | {reference}))
    for part in schema.get("allOf", ()):
        found = _merged(found, _flat(part, definitions, inside))
    return _merged(found, own)


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What both say; annotations of the other one win."""
    if not one or not other:
        return one or other
    found = dict(one)
    for key, value in other.items():
        found[key] = _both(key, found[key], value) if key in found else value
    if ("enum" in other and "type" in one) or "const" in other:  # an annotation of the wider schema may be none of them
        for key in _ANNOTATIONS:
            if key in one and key not in other:
                del found[key]
    return found


def _both(key: str, one: Any, other: Any) -> Any:
    if key in ("properties", "patternProperties", "dependentSchemas"):
        return {**one, **{name: {"allOf": [one[name], each]} if name in one else each for name, each in other.items()}}
    if key == "required":
        return list(dict.fromkeys([*one, *other]))
    if key == "enum":
        return [each for each in one if each in other]
    if key == "type":
        return _types(one, other)
    if key == CHOICES:
        return [*one, *other]
    if key in _LEAST:
        return max(one, other)
    if key in _MOST:
        return min(one, other)
    if key in _BOTH:
        return {"allOf": [one, other]}
    return other


def _types(one: Any, other: Any) -> Any:
    ones, others = ([each] if isinstance(each, str) else each for each in (one, other))
    both = [each for each in ones if each in others or (each == "integer" and "number" in others)]
    both += [each for each in others if each not in both and each == "integer" and "number" in ones]
    return both[0] if len(both) == 1 else both
