"""Types: schemas from the names of types, from descriptions and from values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from contracts.draft.record import Field

MOST_PROPERTIES, DEEPEST = 200, 8

_INTEGERS = {
    "int": "int32",
    "integer": "",
    "int32": "int32",
    "int64": "int64",
    "long": "int64",
    "short": "int32",
    "bigint": "int64",
}
_NUMBERS = ("number", "double", "float", "decimal", "bigdecimal")
_TEXTS = (
    "string",
    "str",
    "text",
    "char",
    "varchar",
    "uuid",
    "date",
    "datetime",
    "date-time",
    "timestamp",
    "localdatetime",
    "localdate",
)
_FORMATS = {"date", "date-time", "uuid", "email", "uri", "byte", "binary"}
_parts = re.compile(r"([^()（）]+)[(（]([^()（）]*)[)）]").fullmatch
_list = re.compile(
    r"(?:array|list|set|collection)\s*(?:[«<\[(](?P<item>.*)[»>\])])?|\[(?P<inner>.*)\]|(?P<before>.*)\[\]", re.I
).fullmatch

_integer = re.compile(r"-?(0|[1-9][0-9]{0,17})").fullmatch
_listed = re.compile(
    r"(?:可用值|可选值|枚举值|可用参数|取值|available values?|valid values?|allowed values?|possible values?|one of)"
    r"[^:：为]{0,12}[:：为]\s*(?P<values>[^\s。；;）)<,，、|]+(?:\s*[,，、|]\s*[^\s。；;）)<,，、|]+)*)",
    re.I,
).search
_item = re.compile(
    r"(?P<before>^|[\n,，;；、/(（:：。]\s*|\s)(?P<value>-?\d{1,6})(?P<after>\s*[-=:：.、）)]\s*|\s+|(?=[㐀-鿿]))(?=[^\d\s])"
)
_default = re.compile(
    r"(?:默认值?|缺省值?|defaults?(?: value)?)\s*(?:为|是|is|to|:|：|=)*\s*(?:第)?\s*['\"“]?(?P<value>-?[A-Za-z0-9_]+)", re.I
).search
_marked = re.compile(r"[(（\[【]\s*(?:默认值?|缺省|default)\s*[)）\]】]", re.I).search


def schema_of(name: str) -> dict[str, Any]:
    """The schema of a type by its name, such as `integer(int64)` or `List«string»`; empty for an unknown name."""
    text = name.strip().strip("*").replace("¦null", "").replace("|null", "").strip()
    if match := _list(text):
        item = schema_of(match["item"] or match["inner"] or match["before"] or "string")
        return {"type": "array", "items": item or {"type": "object"}}
    parts = _parts(text)
    word, extra = (parts[1].strip().lower(), parts[2].strip().lower()) if parts else (text.lower(), "")
    if word in _INTEGERS:
        form = extra if extra in ("int32", "int64") else _INTEGERS[word]
        return {"type": "integer", **({"format": form} if form else {})}
    if word in _NUMBERS:
        return {"type": "number"}
    if word in ("boolean", "bool"):
        return {"type": "boolean"}
    if word in ("file", "files", "multipartfile", "binary"):
        return {"type": "string", "format": "binary"}
    if word in _TEXTS or word in _FORMATS:
        form = extra if extra in _FORMATS else word if word in _FORMATS else ""
        return {"type": "string", **({"format": form} if form else {})}
    return {"type": "object"} if word in ("object", "json", "map", "jsonobject", "dict") or word.startswith("map") else {}


def enrich(field: Field, default: str = "") -> None:
    """Adds to the schema of a field the values and the default that its description names; what is guessed is noted."""
    schema, text = field.schema, field.description
    kind = schema.get("type")
    if kind not in ("string", "integer", "number", "boolean") or "enum" in schema:
        return
    values = _values(text, kind)
    if values:
        schema["enum"] = values
        field.guesses.append(f"the values {', '.join(map(str, values))} are those that its description lists")
    written = default.strip() if default.isascii() else ""  # of a column, where some write prose
    found = _typed(written, kind) if written else _default_of(f"{default}\n{text}", kind, values)
    if found is not None and (not values or found in values):
        schema["default"] = found
        if not written:
            field.guesses.append(f"{found} is the default by its description")


def _values(text: str, kind: str) -> list[Any]:
    if match := _listed(text):
        found = [_typed(each.strip(" '\"“”."), kind) for each in re.split(r"[,，、|/]", match["values"])]
        return [*dict.fromkeys(found)] if len(found) > 1 and None not in found else []
    return [int(each["value"]) for each in _numbered(text)] if kind == "integer" else []


def _numbered(text: str) -> list[re.Match[str]]:
    """The items of a numbered list in prose: `1 one 2 two`, `0-off,1-on`. Two items at least, numbers that grow.

    Items that only a space begins or ends must count on from 0 or 1, and be three at least, because prose has numbers too.
    """
    found = [match for match in _item.finditer(text)]
    for strict in (True, False):
        items: list[re.Match[str]] = []
        for match in found:
            clear = bool(match["before"].strip() or match["before"] == "" or "\n" in match["before"])
            grows = not items or int(match["value"]) > int(items[-1]["value"])
            if grows and ((clear and match["after"].strip()) or not strict):
                items.append(match)
        numbers = [int(each["value"]) for each in items]
        counts_on = bool(numbers) and numbers[0] in (0, 1) and numbers == [*range(numbers[0], numbers[0] + len(numbers))]
        close = all(each["after"] == "" or each["after"].strip() for each in items)
        if len(numbers) > 1 and (strict or (counts_on and (close or len(numbers) > 2))):
            return items
    return []


def _default_of(text: str, kind: str, values: Sequence[Any]) -> Any:
    items = _numbered(text) if kind == "integer" and values else []
    ends = [*(each.start() for each in items[1:]), len(text)]
    for match, end in zip(items, ends, strict=False):
        if _marked(text[match.end() : end]):
            return int(match["value"])
    found = _default(text)
    if found is None or (kind == "string" and not values):
        return None
    return _typed(found["value"], kind)


def _typed(text: str, kind: str) -> Any:
    """A text as a value of the type; None where it is none."""
    if kind == "integer":
        return int(text) if _integer(text) else None
    if kind == "number":
        try:
            return float(text) if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text) else None
        except ValueError:
            return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    return text if text and len(text) <= 64 else None


def schema_from(values: Iterable[Any], depth: int = 0) -> dict[str, Any]:
    """A schema of values that were seen; a property is never required, because others may lack it."""
    seen = [*values]
    present = [each for each in seen if each is not None]
    kinds = {_kind(each) for each in present}
    if kinds == {"integer", "number"}:
        kinds = {"number"}
    if len(kinds) != 1 or depth >= DEEPEST:
        return {}
    [kind] = kinds
    found: dict[str, Any] = {"type": [kind, "null"] if len(present) < len(seen) else kind}
    if kind == "object":
        names = dict.fromkeys(name for each in present for name in each)
        found["properties"] = {
            name: schema_from([each[name] for each in present if name in each], depth + 1) for name in [*names][:MOST_PROPERTIES]
        }
    elif kind == "array":
        items = [item for each in present for item in each][:MOST_PROPERTIES]
        found["items"] = schema_from(items, depth + 1) if items else {}
    return found


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "string")


def schema_of_texts(texts: Sequence[str]) -> dict[str, Any]:
    """A schema of values that were seen as text, as in a query."""
    for kind in ("integer", "number", "boolean"):
        if texts and all(_typed(each, kind) is not None for each in texts):
            return {"type": kind, **({"format": "int64"} if kind == "integer" else {})}
    return {"type": "string"}


def nested(fields: Sequence[Field]) -> dict[str, Any]:
    """The properties that fields describe, with those of their children."""
    found: dict[str, Any] = {}
    for each in fields:
        schema = dict(each.schema)
        if each.children:
            inner = {"type": "object", "properties": nested(each.children)}
            if required := dict.fromkeys(child.name for child in each.children if child.required):
                inner["required"] = [*required]
            schema = {"type": "array", "items": inner} if schema.get("type") == "array" else inner
        if each.description:
            schema["description"] = each.description
        found[each.name] = schema
    return found
