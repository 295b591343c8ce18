"""Reads Swagger 2 and OpenAPI 3 documents: their schemas are kept, their statuses become codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import openapi
from contracts.draft.paths import METHODS, path_of
from contracts.draft.record import BODY, FORM, Code, Example, Field, Operation, Page, Place
from contracts.draft.text import by_language, cleaned, one_line

LOCATIONS = ("query", "path", "header", "cookie")
STYLES = ("form", "simple", "spaceDelimited", "pipeDelimited")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_local = re.compile(r"#/components/schemas/[^/]+(/.*)?").fullmatch
_status = re.compile(r"[2-5]\d\d").fullmatch


def is_openapi(data: Any) -> bool:
    """Whether the data is an OpenAPI 3 or a Swagger 2 document."""
    return isinstance(data, dict) and ("openapi" in data or "swagger" in data)


def read_openapi(document: openapi.Document) -> Page:
    """The operations of a document. References out of it are not followed. Raises InvalidDocument, with the line."""
    document = openapi.converted(document) if openapi.is_swagger(document) else document
    root = document.root
    place = Place(document.file, 1)
    if not str(document.data.get("openapi", "")).startswith("3."):
        raise place.error("is no OpenAPI 3 document, and no Swagger 2.0", "begin with openapi: 3.1.0")
    upgrade = str(document.data["openapi"]).startswith("3.0")
    components = root.mapping("components")
    schemas = components.mapping("schemas") if components else None
    schemes = components.mapping("securitySchemes") if components else None
    info = root.mapping("info")
    page = Page(
        operations=[],
        title=one_line(cleaned(str(info.value.get("title", "")))) if info else "",
        schemas={name: _kept(each, upgrade) for name, each in (schemas.value if schemas else {}).items()},
        security_schemes={name: each for name, each in (schemes.value if schemes else {}).items() if _is_scheme(each)},
    )
    if "x-outcomes" in document.data or any("x-outcomes" in node.value for _, _, node in _operations(root)):
        raise place.error("is a contract already, it has x-outcomes", "use it with contracts lint and verify")
    known = page.security_schemes.keys()
    for path, method, node in _operations(root):
        page.operations.append(_operation(root, path, method, node, upgrade, known))
    if not page.operations:
        raise place.error("has no operations", "write paths:, and below it /a/path:")
    return page


def _is_scheme(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in ("apiKey", "http", "oauth2", "openIdConnect")


def _operations(root: openapi.Node) -> Iterator[tuple[str, str, openapi.Node]]:
    paths = root.mapping("paths")
    for path in paths.value if paths else ():
        item = paths.mapping(path) if paths else None
        for method in METHODS:
            node = item.mapping(method) if item else None
            if node is not None and isinstance(path, str) and path.startswith("/"):
                yield path, method, node


def _operation(root: openapi.Node, path: str, method: str, node: openapi.Node, upgrade: bool, schemes: Any) -> Operation:
    place = Place(node.file, node.line)
    value = node.value
    operation = Operation(
        method=method,
        path=path_of(path, place)[0],
        place=place,
        name=str(value.get("operationId") or ""),
        summary=one_line(cleaned(str(value.get("summary") or ""))),
        description=one_line(cleaned(str(value.get("description") or ""))),
    )
    paths = root.mapping("paths")
    item = paths.mapping(path) if paths else None
    declared = {}
    for each in (*(item.sequence("parameters") if item else ()), *node.sequence("parameters")):
        if isinstance(each.value, dict) and each.value.get("in") in LOCATIONS and isinstance(each.value.get("name"), str):
            declared[each.value["in"], each.value["name"]] = each
    operation.fields += [_parameter(each, upgrade) for each in declared.values()]
    body = node.mapping("requestBody")
    if body is not None:
        operation.fields += _properties(body, upgrade)
        if not any(operation.at(FORM)):  # the fields of a form are written as parameters
            operation.kept["requestBody"] = _kept(body.value, upgrade)
    security = value.get("security", root.value.get("security"))
    if isinstance(security, list):
        operation.kept["security"] = [
            {name: scopes for name, scopes in each.items() if name in schemes} for each in security if isinstance(each, dict)
        ]
    _replies(operation, node, upgrade)
    return operation


def _parameter(node: openapi.Node, upgrade: bool) -> Field:
    value = node.value
    schema = value.get("schema")
    return Field(
        name=value["name"],
        place=Place(node.file, node.line),
        location=value["in"],
        required=value.get("required") is True,
        schema=_kept(schema, upgrade) if isinstance(schema, dict) else {"type": "string"},
        description=one_line(cleaned(str(value.get("description") or ""))),
        style={key: value[key] for key in ("style", "explode") if value.get("style", "form") in STYLES and key in value},
    )


def _properties(body: openapi.Node, upgrade: bool) -> Iterator[Field]:
    """The properties of the body, as JSON or else as a form."""
    content = body.mapping("content")
    for media in content.value if content else ():
        location = BODY if media.partition(";")[0].strip() == "application/json" else FORM if media in FORMS else ""
        node = content.mapping(media) if content and location else None
        schema = _schema(node) if node else None
        if schema is not None:
            required, properties = set[str](), dict[str, openapi.Node]()
            _collect(schema, required, properties, 0)
            for name, each in properties.items():
                inline = _kept(each.value, upgrade) if isinstance(each.value, dict) else {}
                text = inline.get("description") if isinstance(inline.get("description"), str) else ""
                place = Place(each.file, each.line)
                yield Field(name, place, location, name in required, schema=inline, description=one_line(cleaned(text or "")))
            return


def _schema(media: openapi.Node) -> openapi.Node | None:
    """The schema of a media type; None where it is elsewhere, because no file is opened and nothing is fetched."""
    value = media.value.get("schema")
    reference = value.get("$ref") if isinstance(value, dict) else None
    return None if isinstance(reference, str) and not reference.startswith("#") else media.mapping("schema")


def _collect(schema: openapi.Node, required: set[str], properties: dict[str, openapi.Node], depth: int) -> None:
    if not isinstance(schema.value, dict) or depth > 10:
        return
    for part in schema.sequence("allOf"):
        _collect(part, required, properties, depth + 1)
    names = schema.value.get("required")
    required |= {each for each in names if isinstance(each, str)} if isinstance(names, list) else set()
    found = schema.mapping("properties")
    for name in found.value if found else ():
        properties[name] = found.child(name) if found else schema


def _replies(operation: Operation, node: openapi.Node, upgrade: bool) -> None:
    """The documented replies as codes, and their examples. A reply behind a reference is written out."""
    responses, kept = node.mapping("responses"), dict[str, Any]()
    for name in responses.value if responses else ():
        each = responses.mapping(name) if responses else None
        if each is None:
            continue
        text = each.value.get("description")
        value = _kept(each.value, upgrade) if isinstance(each.value, dict) else {}
        value = {key: part for key, part in value.items() if key in ("description", "content")}
        kept[name] = {**value, "description": one_line(cleaned(text)) if isinstance(text, str) and text.strip() else name}
        place = Place(each.file, each.line)
        if _status(name):
            operation.codes.append(Code(int(name), by_language(cleaned(str(text or ""))), place, is_status=True))
        content = each.mapping("content")
        for media in content.value if content else ():
            part = content.mapping(media) if content else None
            if part is None or not name.startswith("2"):
                continue
            if "example" in part.value:
                operation.examples.append(Example(part.value["example"], place))
            if not operation.reply and (schema := _schema(part)) is not None:
                properties = dict[str, openapi.Node]()
                _collect(schema, set(), properties, 0)
                inline = {key: _kept(each.value, upgrade) for key, each in properties.items() if isinstance(each.value, dict)}
                operation.reply = [Field(key, place, schema=each) for key, each in inline.items()]
    if kept:
        operation.kept["responses"] = kept


def _kept(value: Any, upgrade: bool) -> Any:
    """A part of a document: references to schemas stay, all others become an empty schema; words of 3.0 become those of 3.1."""
    if isinstance(value, list):
        return [_kept(each, upgrade) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        return {"$ref": value["$ref"]} if _local(value["$ref"]) else {}
    found = {
        name: each if name in ("example", "default", "enum", "const") else _kept(each, upgrade)
        for name, each in value.items()
        if not (isinstance(name, str) and name.startswith("x-"))
    }
    return _newer(found) if upgrade else found


def _newer(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of OpenAPI 3.0 as one of 3.1."""
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("nullable"), bool):
        schema.pop("nullable")
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.get(exclusive) is True and bound in schema:
            schema[exclusive] = schema.pop(bound)
        elif isinstance(schema.get(exclusive), bool):
            schema.pop(exclusive)
    return schema
