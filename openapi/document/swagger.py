"""Converts Swagger 2.0 into OpenAPI 3.0. What is malformed is left as it is, so that it is reported like that of any document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from openapi.document.document import Document
from openapi.document.limits import Pointer

FORM, MULTIPART, JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"
_MOVED = {
    "definitions": ("components", "schemas"),
    "parameters": ("components", "parameters"),
    "responses": ("components", "responses"),
    "securityDefinitions": ("components", "securitySchemes"),
}
_REPLACED = {"swagger", "host", "basePath", "schemes", "consumes", "produces", *_MOVED}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_SCHEMA = (
    *("type", "format", "items", "default", "enum", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength"),
    *("minLength", "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf", "x-nullable"),
)
_STYLES = {
    "csv": {"style": "form", "explode": False},
    "multi": {"style": "form", "explode": True},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
}


def is_swagger(document: Document) -> bool:
    """Whether a document says that it is Swagger 2.0."""
    return isinstance(document.data, dict) and str(document.data.get("swagger", "")) in ("2.0", "2")


def converted(document: Document) -> Document:
    """The same API as OpenAPI 3.0, with the lines of what has moved."""
    lines = {(*_place(pointer), *pointer[1:]): line for pointer, line in document.lines.items() if pointer}
    return replace(document, data=_Converter(document.data).document(), lines={(): 1, **lines})


def _place(pointer: Pointer) -> Pointer:
    return _MOVED.get(str(pointer[0]), pointer[:1])


class _Converter:
    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.consumes, self.produces = _texts(root.get("consumes")), _texts(root.get("produces"))

    def document(self) -> dict[str, Any]:
        root = self.root
        kept = {key: value for key, value in root.items() if key not in _REPLACED}
        components = {
            "schemas": {name: self.schema(each) for name, each in _items(root.get("definitions"))},
            "responses": {name: self.response(each, self.produces) for name, each in _items(root.get("responses"))},
            "securitySchemes": {name: _security(each) for name, each in _items(root.get("securityDefinitions"))},
        }
        found = {"openapi": "3.0.3", "servers": list(self.servers()), **kept, "components": components}
        if isinstance(root.get("paths"), dict):
            found["paths"] = {path: self.item(each) for path, each in root["paths"].items()}
        return found if found["servers"] else {key: value for key, value in found.items() if key != "servers"}

    def servers(self) -> Iterator[dict[str, str]]:
        host, base = self.root.get("host"), self.root.get("basePath")
        if isinstance(host, str) or isinstance(base, str):
            scheme = next(iter(_texts(self.root.get("schemes"))), "https")
            yield {"url": (f"{scheme}://{host}" if isinstance(host, str) else "") + (base if isinstance(base, str) else "")}

    def item(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        shared = self.parameters(value.get("parameters"))
        found = {key: each for key, each in value.items() if key not in ("parameters", *_METHODS)}
        methods = ((method, value[method]) for method in _METHODS if method in value)
        return found | {method: self.operation(each, shared) for method, each in methods}

    def operation(self, value: Any, shared: list[Any]) -> Any:
        if not isinstance(value, dict):
            return value
        own = self.parameters(value.get("parameters"))
        names = {_identity(each) for each in own if isinstance(each, dict)}
        inherited = [each for each in shared if isinstance(each, dict) and _identity(each) not in names]
        found = {key: each for key, each in value.items() if key not in ("parameters", "consumes", "produces", "schemes")}
        everything = [*inherited, *own]
        if rest := [self.parameter(each) for each in everything if _place_of(each) not in ("body", "formData")]:
            found["parameters"] = rest
        bodies = [each for each in everything if _place_of(each) in ("body", "formData")]
        if bodies:
            found["requestBody"] = self.body(bodies, _texts(value.get("consumes")) or self.consumes)
        if isinstance(value.get("responses"), dict):
            media = _texts(value.get("produces")) or self.produces
            found["responses"] = {name: self.response(each, media) for name, each in value["responses"].items()}
        return found

    def parameters(self, value: Any) -> list[Any]:
        """The parameters, with shared ones in place of their references."""
        known = self.root.get("parameters")
        found = []
        for each in value if isinstance(value, list) else ():
            name = (
                each["$ref"].removeprefix("#/parameters/")
                if isinstance(each, dict) and isinstance(each.get("$ref"), str)
                else None
            )
            found.append(known[name] if isinstance(known, dict) and name in known else each)
        return found

    def parameter(self, value: Any) -> Any:
        if not isinstance(value, dict) or "$ref" in value:
            return value
        kept = {key: each for key, each in value.items() if key not in (*_SCHEMA, "collectionFormat")}
        style = _STYLES.get(str(value.get("collectionFormat", "csv")), {}) if value.get("type") == "array" else {}
        if value.get("in") in ("path", "header"):
            style = {}
        return {**kept, **style, "schema": self.schema(_picked(value))}

    def body(self, parameters: list[dict[str, Any]], consumes: list[str]) -> dict[str, Any]:
        whole = next((each for each in parameters if _place_of(each) == "body"), None)
        if whole is not None:
            schema = self.schema(whole.get("schema", {}))
            content = {media: {"schema": schema} for media in consumes or [JSON]}
            return {"content": content, "required": whole.get("required") is True}
        has_file = any(each.get("type") == "file" for each in parameters)
        media = MULTIPART if has_file or (MULTIPART in consumes and FORM not in consumes) else FORM
        properties = {str(each.get("name")): self.schema(_picked(each)) for each in parameters}
        required = [str(each.get("name")) for each in parameters if each.get("required") is True]
        schema = {"type": "object", "properties": properties, **({"required": required} if required else {})}
        return {"content": {media: {"schema": schema}}, "required": bool(required)}

    def response(self, value: Any, produces: Iterable[str]) -> Any:
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("$ref"), str):
            return {"$ref": _moved(value["$ref"])}
        found = {key: each for key, each in value.items() if key not in ("schema", "examples", "headers")}
        examples = dict(_items(value.get("examples")))
        media = [*dict.fromkeys((*produces, *examples))] or [JSON] if "schema" in value else list(examples)
        if media:
            schema = {"schema": self.schema(value["schema"])} if "schema" in value else {}
            found["content"] = {each: {**schema, **({"example": examples[each]} if each in examples else {})} for each in media}
        if headers := {name: self.header(each) for name, each in _items(value.get("headers"))}:
            found["headers"] = headers
        return found

    def header(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        kept = {key: each for key, each in value.items() if key not in (*_SCHEMA, "collectionFormat")}
        return {**kept, "schema": self.schema(_picked(value))}

    def schema(self, value: Any) -> Any:
        """A schema, or a part of one: references moved, and the words of Swagger replaced."""
        if isinstance(value, list):
            return [self.schema(each) for each in value]
        if not isinstance(value, dict):
            return value
        found = {key: each if key in ("example", "default", "enum") else self.schema(each) for key, each in value.items()}
        if isinstance(value.get("$ref"), str):
            found["$ref"] = _moved(value["$ref"])
        if value.get("type") == "file":
            found |= {"type": "string", "format": "binary"}
        if isinstance(value.get("discriminator"), str):
            found["discriminator"] = {"propertyName": value["discriminator"]}
        if value.get("x-nullable") is True:
            found["nullable"] = True
        return found


def _security(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("type") == "basic":
        return {"type": "http", "scheme": "basic"}
    return {"type": "oauth2", "flows": {}} if value.get("type") == "oauth2" else value


def _moved(reference: str) -> str:
    for section, place in _MOVED.items():
        if reference.startswith(f"#/{section}/"):
            return f"#/{'/'.join(place)}/{reference.removeprefix(f'#/{section}/')}"
    return reference


def _picked(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value[key] for key in _SCHEMA if key in value}


def _identity(parameter: Mapping[str, Any]) -> tuple[str, str]:
    return str(parameter.get("name")), str(parameter.get("in"))


def _place_of(value: Any) -> Any:
    return value.get("in") if isinstance(value, dict) else None


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
