"""The parameters and the schemas of an operation, as OpenAPI declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from itertools import islice
from typing import Any

from openapi.document.document import Node
from openapi.document.errors import ContractError, Problem, first_line
from openapi.parameters.arrays import items_of
from openapi.parameters.names import BODY, expression_name
from openapi.parameters.parameter import Parameter, json_type, part_reader, reader
from openapi.schemas.convert import Schemas
from openapi.schemas.flat import CHOICES, Definitions, flat, uses_definitions
from openapi.schemas.validator import validator

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
LOCATIONS = ("query", "path", "header", "cookie")
COMPUTED = "x-computed"
DEEPEST, MOST_PARTS = 6, 500
"""Levels of objects in a JSON body, and parts of them, that have names."""


def declared(item: Node, node: Node) -> Iterator[Node]:
    """The parameters that a path and one of its operations declare. Raises InvalidDocument."""
    for each in (*item.sequence("parameters"), *node.sequence("parameters")):
        if not isinstance(each.value, dict):
            raise ContractError([each.problem("this is not a parameter", "write {name: …, in: query, schema: {type: string}}")])
        if each.value.get("in") not in LOCATIONS:
            raise ContractError([each.problem("the parameter is in no place of a request", f"write in: {', '.join(LOCATIONS)}")])
        yield each


def parameter(node: Node, schemas: Schemas) -> Parameter | None:
    """A declared parameter; None if no rule can name it. Raises InvalidDocument."""
    schema = _schema(node, node.value.get("schema"), schemas)
    if COMPUTED in node.value:
        schema = {**schema, COMPUTED: node.value[COMPUTED]}
    location, wire_name = node.value["in"], str(node.value.get("name", ""))
    name = expression_name(wire_name)
    if not name:
        return None  # no expression can use it
    wire_name = wire_name.lower() if location == "header" else wire_name
    required, kind = node.value.get("required") is True, json_type(schema)
    items = items_of(node.value) if kind == "array" else None
    if kind == "object" or (kind == "array" and items is None):
        what = f"{name} is an {kind} in a {location}" + (f" of style {node.value['style']}" if "style" in node.value else "")
        raise ContractError([node.problem(f"{what}, which is not read", "write its parts as parameters of their own")])
    schema = _with_examples(schema, _examples(node))
    return Parameter(name, location, wire_name, schema, required, reader(schema, location), items=items)


def plain_parameter(value: dict[str, Any]) -> Parameter:
    """A declared parameter of an operation without a decision table."""
    location, name = value["in"], str(value.get("name", ""))
    return Parameter(name, location, name.lower() if location == "header" else name, {}, location == "path", reader({}))


def body_parameters(body: Node | None, schemas: Schemas, taken: Set[str]) -> Iterator[Parameter]:
    """A JSON body as parameters: its properties, with `body.` before a name that is `taken`; or itself, if it is no object.

    Raises InvalidDocument.
    """
    schema = _media_schema(body, schemas, JSON)
    schema = _with_examples(schema, _examples(_media(body, JSON)))
    if schema and "properties" not in schema and json_type(schema) != "object" and "type" in schema:
        required = body is not None and body.value.get("required") is True
        yield Parameter(BODY, "body", "", schema, required, reader(schema, "body"))
    seen: set[str] = set()
    for key, each in schema.get("properties", {}).items():
        own = _with_examples(_in_one_place(each, schema.get("$defs", {})), _parts_of_examples(schema, key))
        if (name := expression_name(key)) and name not in seen:
            seen.add(name)
            name = f"{BODY}.{name}" if name in taken else name
            yield Parameter(name, "body", key, own, key in schema.get("required", ()), reader(own, "body"))


def parts_of(parameter: Parameter) -> Iterator[Parameter]:
    """The properties of an object in a JSON body as parameters, and those of objects in it, by path: `user.name.first`."""
    yield from islice(_parts_of(parameter, parameter.schema.get("$defs", {}), 1), MOST_PARTS)


def _parts_of(parameter: Parameter, definitions: Definitions, depth: int) -> Iterator[Parameter]:
    if parameter.location != "body" or depth > DEEPEST:
        return
    schema = parameter.schema
    for key, each in schema.get("properties", {}).items():
        if name := expression_name(key):
            own = _with_examples(_in_one_place(each, definitions), _parts_of_examples(schema, key))
            required = parameter.required and key in schema.get("required", ())
            keys = (*parameter.keys, key)
            read = part_reader(keys, reader(own, "body"))
            part = Parameter(f"{parameter.name}.{name}", "body", key, own, required, read, inside=parameter.key, keys=keys)
            yield part
            yield from _parts_of(part, definitions, depth + 1)


def media_types(body: Node | None) -> tuple[str, ...]:
    """The media types of a body, without their parameters. Raises InvalidDocument."""
    content = body.mapping("content") if body else None
    return tuple(name.partition(";")[0].strip().lower() for name in content.value) if content else ()


def unread_bodies(body: Node | None, schemas: Schemas, query: Set[str]) -> Iterator[Problem]:
    """What of a body is not read: other media types, and fields of a form that are no parameters of the `query` too.

    Raises InvalidDocument.
    """
    if body is None:
        return
    for name in media_types(body):
        if name not in (FORM, JSON):
            yield body.problem(f"a body of type {name} is not read", f"of bodies, {JSON} and {FORM} are")
    for name in _media_schema(body, schemas, FORM).get("properties", {}):
        if name not in query:
            yield body.problem(f"the field {name} of the form is not read", "declare it as a parameter in: query, too")


def response_schemas(node: Node, schemas: Schemas) -> dict[str, dict[str, Any]]:
    """The schema of a JSON body, by the key of its response: a status, a range such as `4XX`, or `default`.

    Raises InvalidDocument.
    """
    found = {}
    responses = node.mapping("responses")
    for name in responses.value if responses else ():
        response = responses.mapping(name) if responses and not name.startswith("x-") else None
        content = response.mapping("content") if response else None
        media = next((content.mapping(each) for each in content.value if _is_json(each)), None) if content else None
        if media is not None and "schema" in media.value:
            found[name] = schemas.standing_alone(media.value["schema"])
            _check(media, found[name])
    return found


def _examples(node: Node | None) -> list[Any]:
    """The examples of a parameter or of a media type."""
    if node is None:
        return []
    if "example" in node.value:
        return [node.value["example"]]
    named = node.get("examples")
    found = named.children() if named is not None and isinstance(named.value, dict) else ()
    return [each.value["value"] for each in found if isinstance(each.value, dict) and "value" in each.value]


def _parts_of_examples(schema: Mapping[str, Any], key: str) -> list[Any]:
    """What the examples of an object have under a key."""
    listed = schema.get("examples")
    found = [*([schema["example"]] if "example" in schema else []), *(listed if isinstance(listed, list) else [])]
    return [each[key] for each in found if isinstance(each, dict) and key in each]


def _with_examples(schema: dict[str, Any], examples: list[Any]) -> dict[str, Any]:
    """The schema with examples that stand beside it or around it, unless it has one itself."""
    different = list({repr(each): each for each in examples}.values())
    if not different or "example" in schema or "examples" in schema:
        return schema
    others = {"examples": different} if len(different) > 1 else {}
    return {**schema, "example": different[0], **others}


def _media(body: Node | None, name: str) -> Node | None:
    content = body.mapping("content") if body else None
    return content.mapping(name) if content else None


def _media_schema(body: Node | None, schemas: Schemas, name: str) -> dict[str, Any]:
    media = _media(body, name)
    return _schema(media, media.value.get("schema"), schemas) if media else {}


def _schema(node: Node, value: Any, schemas: Schemas) -> dict[str, Any]:
    """A schema that stands alone, with the keywords of its parts in one place. Raises ContractError for one that is none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ContractError([node.child("schema").problem("the schema is not a mapping", "write schema: {type: string}")])
    whole = schemas.standing_alone(value)
    _check(node, whole)
    return _in_one_place(whole, whole.get("$defs", {}))


def _in_one_place(schema: Any, definitions: Definitions) -> dict[str, Any]:
    """A schema that stands alone: its own keywords, those of its parts, and the parts, because all of them count."""
    if not isinstance(schema, dict):
        return {} if schema else {"not": {}}
    parts = [{word: schema[word]} for word in ("$ref", "allOf", "anyOf", "oneOf") if word in schema]
    found = {key: value for key, value in flat(schema, definitions).items() if key != CHOICES}
    if parts:
        found["allOf"] = parts
    return {**found, "$defs": definitions} if uses_definitions(found) else found


def _check(node: Node, schema: dict[str, Any]) -> None:
    """Raises ContractError for a schema that is none."""
    try:
        validator(schema)
    except ValueError as error:
        raise ContractError([node.child("schema").problem(f"the schema is invalid: {first_line(error)}")]) from None


def _is_json(media_type: str) -> bool:
    """Whether a media type or media range includes JSON."""
    name = media_type.partition(";")[0].strip().lower()
    return name in ("application/json", "application/*", "*/*") or name.endswith("+json")
