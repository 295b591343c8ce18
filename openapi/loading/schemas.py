"""The parameters and the schemas of an operation, as OpenAPI declares them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openapi.document.document import Node
from openapi.document.errors import ContractError
from openapi.parameters.parameter import Parameter, reader

DEEPEST = 30
"""The most levels of a schema."""


def declared(item: Node, node: Node) -> Iterator[Node]:
    """The parameters that a path and one of its operations declare."""
    for place in (item, node):
        found = place.get("parameters")
        yield from found.children() if found else ()


def parameter(node: Node) -> Parameter | None:
    """A declared parameter; None if its name cannot be part of an expression. Raises ContractError."""
    schema = _schema(node.get("schema"))
    location, name = node.value.get("in", "query"), str(node.value.get("name", ""))
    if not name.isidentifier():
        return None  # no expression can use it
    wire_name = name.lower() if location == "header" else name
    required = bool(node.value.get("required", False))
    return Parameter(name, location, wire_name, schema, required, reader(schema, location))


def plain_parameter(value: dict[str, Any]) -> Parameter:
    """A declared parameter of an operation without a decision table."""
    location, name = str(value.get("in", "query")), str(value.get("name", ""))
    return Parameter(name, location, name.lower() if location == "header" else name, {}, location == "path", reader({}))


def body_parameters(body: Node | None) -> Iterator[Parameter]:
    """The properties of a JSON body as parameters. Raises ContractError."""
    content = body.get("content") if body else None
    media = content.get("application/json") if content else None
    schema = media.get("schema") if media else None
    properties = schema.get("properties") if schema else None
    for name in properties.value if schema and properties else ():  # the key of the property, not the name of its $ref target
        required = name in (schema.value.get("required", ()) if schema else ())
        own = _schema(properties.child(name) if properties else None)
        yield Parameter(name, "body", name, own, required, reader(own, "body"))


def requires_body(body: Node | None) -> bool:
    """Whether a request must have a body."""
    return body is not None and (body.value.get("required") is True or any(body_parameters(body)))


def _schema(node: Node | None) -> dict[str, Any]:
    return dict(_inline(node)) if node is not None else {}


def _inline(node: Node, depth: int = 0) -> Any:
    """A schema with every local `$ref` replaced by its target."""
    if depth > DEEPEST:
        raise ContractError([node.problem("the schema is recursive", "parameters need a schema without recursion")])
    if isinstance(node.value, dict):
        return {key: _inline(node.child(key), depth + 1) for key in node.value}
    if isinstance(node.value, list):
        return [_inline(each, depth + 1) for each in node.children()]
    return node.value


def response_schemas(node: Node) -> dict[str, dict[str, Any]]:
    """The schema of a JSON body, by the key of its response: a status, a range such as `4XX`, or `default`."""
    found = {}
    responses = node.get("responses")
    for response in responses.children() if responses else ():
        content = response.get("content")
        media = next((each for each in content.children() if _is_json(each.name)), None) if content else None
        schema = media.get("schema") if media else None
        if schema is not None:
            found[response.name] = _schema(schema)
    return found


def _is_json(media_type: str) -> bool:
    """Whether a media type or media range includes JSON."""
    name = media_type.partition(";")[0].strip().lower()
    return name in ("application/json", "application/*", "*/*") or name.endswith("+json")
