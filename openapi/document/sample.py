"""A value that a schema allows: its example if it has one, else a simple generated value."""

from __future__ import annotations

from typing import Any

from openapi.document.document import Node

DEEPEST_OPTION, DEEPEST = 4, 12
"""Depths from which optional properties, and then all values, are left out: a schema may be recursive."""
_TEXTS = {
    "date-time": "2030-01-31T12:00:00Z",
    "date": "2030-01-31",
    "time": "12:00:00Z",
    "duration": "P1D",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "dGV4dA==",
}


def sample(schema: Node | None, depth: int = 0) -> Any:
    """A value for a schema, always the same; None without a schema, or beyond the greatest depth of a recursive one."""
    if schema is None or not isinstance(schema.value, dict) or depth > DEEPEST:
        return None
    value = schema.value
    for name in ("const", "example", "default"):
        if name in value:
            return value[name]
    for name in ("examples", "enum"):
        if isinstance(value.get(name), list) and value[name]:
            return value[name][0]
    if (parts := schema.get("allOf")) is not None:
        return _merged(schema, parts, depth)
    for name in ("oneOf", "anyOf"):
        if (choices := schema.get(name)) is not None:
            return sample(next(iter(choices.children()), None), depth + 1)
    return _typed(schema, depth)


def _merged(schema: Node, parts: Node, depth: int) -> Any:
    values = [sample(each, depth + 1) for each in parts.children()]
    if "properties" in schema.value:
        values.append(_object(schema, depth))
    objects = [each for each in values if isinstance(each, dict)]
    return {name: value for each in objects for name, value in each.items()} if objects else next(iter(values), None)


def _typed(schema: Node, depth: int) -> Any:
    named = schema.value.get("type", "object" if "properties" in schema.value else "array" if "items" in schema.value else None)
    types = [each for each in (named if isinstance(named, list) else [named]) if each != "null"]
    match types[0] if types else "null":
        case "object":
            return _object(schema, depth)
        case "array":
            return _array(schema, depth)
        case "string":
            return _text(schema.value)
        case "integer" | "number" as name:
            return _number(schema.value, name)
        case "boolean":
            return True
    return None


def _object(schema: Node, depth: int) -> dict[str, Any]:
    properties, required = schema.get("properties"), schema.value.get("required", ())
    wanted = [name for name in (properties.value if properties else ()) if name in required or depth < DEEPEST_OPTION]
    found = {name: properties.child(name) for name in wanted} if properties else {}
    return {
        name: sample(each, depth + 1)
        for name, each in found.items()
        if not (isinstance(each.value, dict) and each.value.get("writeOnly"))
    }


def _array(schema: Node, depth: int) -> list[Any]:
    least = schema.value.get("minItems", 0)
    if depth >= DEEPEST_OPTION and not least:
        return []
    return [sample(schema.get("items"), depth + 1)] * max(1, min(int(least), 100))


def _text(schema: dict[str, Any]) -> str:
    text = _TEXTS.get(schema.get("format", ""), "text")
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", len(text))
    return text.ljust(min(int(shortest), 10_000), "x")[: max(int(longest), int(shortest))]


def _number(schema: dict[str, Any], name: str) -> int | float:
    value = schema.get("minimum", min(0, schema.get("maximum", 0)))
    low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is True or (isinstance(low, (int, float)) and low is not False and value <= low):
        value = (value if low is True else low) + 1
    if isinstance(high, (int, float)) and not isinstance(high, bool) and value >= high:
        value = high - 1
    step = schema.get("multipleOf")
    if step:
        value = -(-value // step) * step
    return int(value) if name == "integer" else value
