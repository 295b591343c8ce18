"""The arguments of requests to the control plane, validated by its own OpenAPI document."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from flask import request

import openapi
from mockserver.http.request import LARGEST_DOCUMENT

FILE = Path(openapi.__file__).parent / "control-plane.yaml"
# `curl -d` sends everything as a form. A page of another origin could too, but its Origin header shows that.
_UNNAMED = ("", "application/x-www-form-urlencoded")


class NotUnderstood(ValueError):
    """A request that the document does not allow."""

    def __init__(self, detail: str, status: int = 400) -> None:
        self.status = status
        super().__init__(detail)


@cache
def control_plane() -> openapi.Contract:
    """The control plane's own document."""
    return openapi.load(FILE)


def query(operation: str) -> dict[str, Any]:
    """The query of a request, by name. Raises NotUnderstood."""
    found: dict[str, Any] = {}
    for each in control_plane().operations[operation].parameters:
        if each.location != "query":
            continue
        sent = list(dict.fromkeys(request.args.getlist(each.name)))
        if len(sent) > 1:
            raise NotUnderstood(f"{each.name} is there with {len(sent)} values; write one")
        value = each.read(sent[0] if sent else None)
        if value is openapi.Absence.MISSING:
            if each.required:
                raise NotUnderstood(f"the query has no {each.name}")
        elif isinstance(value, openapi.Absence):
            raise NotUnderstood(f"{each.name} is not understood: it wants {_wants(each.schema)}")
        else:
            found[each.name] = value
    return found


def body(operation: str) -> dict[str, Any]:
    """The JSON body of a request. Raises NotUnderstood."""
    if request.mimetype not in (*_UNNAMED, "application/json") and not request.mimetype.endswith("+json"):
        raise NotUnderstood(f"the body is {request.mimetype}; send application/json", 415)
    value = _json(_bytes() or b"{}")
    for error in _validator(operation).iter_errors(value):
        place = "/".join(map(str, error.instance_path))
        schema = next((each.schema for each in control_plane().operations[operation].parameters if each.name == place), {})
        if "pattern" in schema:
            raise NotUnderstood(f"{place} is not understood: it wants {_wants(schema)}")
        raise NotUnderstood(f"{place or 'the body'}: {error.message[:300]}")
    assert isinstance(value, dict)
    return value


def world_document(name: str) -> openapi.Document | None:
    """The world document in the body; None where there is none. `name` is the file that its problems carry.

    Raises NotUnderstood.
    """
    text = _bytes()
    if not text.strip():
        return None
    document = _document(text, name)
    if not isinstance(document.data, dict):
        raise NotUnderstood(f"{name}:1: is not a world; write its tables, each a list of rows")
    return document


def _document(text: bytes, name: str) -> openapi.Document:
    """JSON is nearly YAML: that is where its lines come from, but not its values, whose escapes YAML reads otherwise."""
    if not request.mimetype.endswith("yaml"):
        with suppress(NotUnderstood):
            data, lines = _json(text), {}
            with suppress(openapi.InvalidDocument):
                lines = openapi.parse_document(text, name).lines
            return openapi.Document(name, data, lines)
        if request.mimetype not in _UNNAMED:
            _json(text)
    try:
        return openapi.parse_document(text, name)
    except openapi.InvalidDocument as error:
        raise NotUnderstood(str(error)) from None


def moment(asked: dict[str, Any], name: str, now: int) -> int | None:
    """A time of the query or the body, in epoch ms; None where it is absent. Raises NotUnderstood."""
    if not asked.get(name, "").strip():
        return None
    found = openapi.instant(asked[name], now)
    if found is None:
        raise NotUnderstood(f"{name} is not a time; write epoch ms, 2030-01-31T12:00:00Z, now or now + 7d")
    return found


def _bytes() -> bytes:
    """The body. Raises NotUnderstood for one that comes in chunks and does not end within the bound, where Flask would cut it."""
    body, most = request.get_data(), request.max_content_length or LARGEST_DOCUMENT
    if request.content_length is None and len(body) >= most:
        raise NotUnderstood(f"the body is larger than {most} bytes", 413)
    return body


def _json(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(f"the body is not JSON: {error}") from None


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


@cache
def _validator(operation: str) -> Any:
    document = control_plane().document
    for item in document["paths"].values():
        for each in item.values():
            if isinstance(each, dict) and each.get("operationId") == operation:
                schema = each["requestBody"]["content"]["application/json"]["schema"]
                return jsonschema_rs.validator_for({**schema, "components": document["components"]})
    raise LookupError(operation)


def _wants(schema: Any) -> str:
    if "pattern" in schema:
        return str(schema.get("description") or f"a text like {schema['pattern']}")
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([{"boolean": "true or false", "integer": "an integer"}.get(schema.get("type"), "another value"), *bounds])
