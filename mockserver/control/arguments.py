"""The arguments of requests to the control plane, validated by its own OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from flask import request

import openapi
from mockserver.http.request import LARGEST_DOCUMENT
from mockserver.worlds.redaction import REDACTED

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


def check_query(method: str, path: str) -> None:
    """Refuses a query option that an operation does not have; `path` is the one of the document. Raises NotUnderstood."""
    if not request.args:
        return
    operations = control_plane().operations.values()
    meant = (each for each in operations if (each.method, each.path) == (method, path))
    known = [parameter.name for each in meant for parameter in each.parameters if parameter.location == "query"]
    for name in request.args:
        if name not in known:
            hint = f"({openapi.nearest(name, known)})" if known else "or any other one; leave it out"
            raise NotUnderstood(f"{method} {path} has no query option {name} {hint}")


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
        raise NotUnderstood(_explained(error, _body_schema(operation)))
    assert isinstance(value, dict)
    return value


def _explained(error: Any, schema: openapi.Node) -> str:
    """What a body should be, by the schema that refuses it."""
    place = "/".join(map(str, error.instance_path))
    meant = schema.at(tuple(step for key in error.instance_path for step in ("properties", key))).value
    match error.kind.name:
        case "additionalProperties":
            name = error.kind.unexpected[0]
            return f"{place or 'the body'} has no key {name} ({openapi.nearest(name, meant['properties'])})"
        case "pattern" | "anyOf" if "description" in meant:
            return f"{place or 'the body'} is not understood: it wants {meant['description']}"
    return f"{place or 'the body'}: {error.message[:300]}"


def world_document(name: str, contract: openapi.Contract) -> openapi.Document | None:
    """The world document in the body; None where there is none. `name` is the file that its problems carry.

    What `GET state` shows is one, too: there a column without a value is null. Raises NotUnderstood, also for a redacted value.
    """
    text = _bytes()
    if not text.strip():
        return None
    document = _document(text, name)
    if not isinstance(document.data, dict):
        raise NotUnderstood(f"{name}:1: is not a world; write its tables, each a list of rows")
    tables = {table: document.data[table] for table in contract.tables if isinstance(document.data.get(table), list)}
    _refuse_redacted(document, tables)
    found = dict(document.data)
    for table, rows in tables.items():
        columns = empty_columns(contract, table)
        found[table] = [without_nulls(row, columns) for row in rows]
    return replace(document, data=found)


def row_document(contract: openapi.Contract, table: str) -> openapi.Document:
    """The row, or the columns of one, in the body, by name; null stands for no value, as in what the rows are shown as.

    Raises NotUnderstood, also for a redacted value.
    """
    document = _document(_bytes().strip() or b"{}", table)
    if not isinstance(document.data, dict):
        raise NotUnderstood(f"the body is no row of {table}; write {{{', '.join(contract.tables[table].names)}}}")
    for column, value in document.data.items():
        if REDACTED in str(value):
            raise NotUnderstood(
                f"{table}.{column} is {REDACTED}, which would be stored as the value; leave it out, or write a new one"
            )
    return document


def _refuse_redacted(document: openapi.Document, tables: Mapping[str, list[Any]]) -> None:
    for table, rows in tables.items():
        for number, row in enumerate(rows):
            for column, value in row.items() if isinstance(row, dict) else ():
                if REDACTED in str(value):
                    what = f"{column} is {REDACTED}, which would be stored as the value"
                    hint = "take a snapshot to return to a state, or read it with ?secrets=true and the control-plane token"
                    raise NotUnderstood(str(document.root.at((table, number, column)).problem(f"{table}: {what}", hint)))


def empty_columns(contract: openapi.Contract, table: str) -> frozenset[str]:
    """The columns that a row need not have, and that are null where it does not."""
    columns = contract.tables[table]
    return frozenset(name for name in columns.names if name not in columns.required and columns.defaults.get(name) is None)


def without_nulls(row: Any, columns: Collection[str]) -> Any:
    """A row without the columns of these that are null."""
    if not isinstance(row, dict):
        return row
    return {name: value for name, value in row.items() if value is not None or name not in columns}


def _document(text: bytes, name: str) -> openapi.Document:
    is_json = request.mimetype not in _UNNAMED and not request.mimetype.endswith("yaml")
    try:
        return openapi.parse_document(text, name, only_json=is_json)
    except openapi.InvalidDocument as error:
        raise NotUnderstood(str(error)) from None


def moment(asked: Mapping[str, Any], name: str, now: int) -> int | None:
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
    schema = _body_schema(operation)
    return jsonschema_rs.validator_for({**schema.value, "components": schema.document.data["components"]})


@cache
def _body_schema(operation: str) -> openapi.Node:
    for path in openapi.read_document(FILE).root.child("paths").children():
        for each in path.children():
            if isinstance(each.value, dict) and each.value.get("operationId") == operation:
                return each.at(("requestBody", "content", "application/json", "schema"))
    raise LookupError(operation)


def _wants(schema: Any) -> str:
    if "pattern" in schema:
        return str(schema.get("description") or f"a text like {schema['pattern']}")
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([{"boolean": "true or false", "integer": "an integer"}.get(schema.get("type"), "another value"), *bounds])
