"""The schemas of an OpenAPI document as JSON Schema 2020-12 that stand alone: what a `$ref` leads to is in their `$defs`.

OpenAPI 3.0 has words of its own, which become those of JSON Schema: `nullable`, `exclusiveMinimum: true`. There, nothing that
stands beside a `$ref` counts. A `discriminator` says which of several schemas is meant, and so becomes a condition of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from openapi.document.document import Document
from openapi.document.errors import InvalidDocument
from openapi.document.limits import DEEPEST, Pointer
from openapi.schemas.validator import is_pattern

READ_ONLY, WRITE_ONLY = "readOnly", "writeOnly"

_ONE = ("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then", "unevaluatedItems")
_SCHEMAS = frozenset((*_ONE, "unevaluatedProperties"))
_LISTS = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_MAPS = frozenset(("dependentSchemas", "patternProperties", "properties"))
_PLAIN = frozenset(
    (
        *("const", "default", "dependentRequired", "description", "enum", "example", "examples"),
        *("exclusiveMaximum", "exclusiveMinimum"),
        *("format", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength"),
        *("minProperties", "minimum", "multipleOf", "pattern", "required", "type", "uniqueItems", "xml", READ_ONLY, WRITE_ONLY),
        "x-computed",
    )
)
DEFINITION = "#/$defs/"
_unsafe = re.compile(r"[^A-Za-z0-9._-]")


class Schemas:
    """Converts the schemas of one document, each definition once."""

    def __init__(self, document: Document, unsent: str = "") -> None:
        """`unsent` is READ_ONLY for requests and WRITE_ONLY for replies: such properties are not required there."""
        self.document, self.unsent = document, unsent
        version = document.data.get("openapi") if isinstance(document.data, dict) else None
        self.is_3_0 = str(version).startswith("3.0")
        self.contradictions: dict[str, str] = {}
        """Definitions that no value fits together with the discriminator that means them, each with a sentence."""
        self._names: dict[str, str] = {}  # of definitions, by reference
        self._original: dict[str, str] = {}  # what they are called in the document
        self._raw: dict[str, Any] = {}  # as they are in the document
        self._definitions: dict[str, Any] = {}
        self._used: dict[str, set[str]] = {}  # the definitions that each one refers to

    def standing_alone(self, value: Any) -> dict[str, Any]:
        """A schema of the document. Raises InvalidDocument for a reference that leads nowhere."""
        used: set[str] = set()
        schema = self._converted(value, used)
        todo = list(used)
        while todo:
            new = self._used[todo.pop()] - used
            used |= new
            todo.extend(new)
        definitions = {"$defs": {name: self._definitions[name] for name in sorted(used)}} if used else {}
        return {**(schema if isinstance(schema, dict) else {} if schema else {"not": {}}), **definitions}

    def _converted(self, value: Any, used: set[str]) -> Any:
        if not isinstance(value, dict):
            return value if isinstance(value, bool) else {}
        found: dict[str, Any] = {}
        if isinstance(reference := value.get("$ref"), str):
            found["$ref"] = DEFINITION + self._definition(reference, used)
            if self.is_3_0:
                return found
        for key, each in value.items():
            if key in _PLAIN:
                found[key] = each
            elif key in _SCHEMAS:
                found[key] = self._converted(each, used)
            elif key in _LISTS and isinstance(each, list) and each:
                found[key] = [self._converted(part, used) for part in each]
            elif key in _MAPS and isinstance(each, dict):
                found[key] = {name: self._converted(part, used) for name, part in each.items()}
        self._adapt(value, found)
        self._discriminate(value, found, used)
        return self._nullable(value, found)

    def _adapt(self, value: Mapping[str, Any], found: dict[str, Any]) -> None:
        if isinstance(found.get("required"), list):
            found["required"] = [name for name in found["required"] if not self._is_unsent(value, name)]
        else:  # `required: true` of a property was valid in a draft of 2010
            found.pop("required", None)
        for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and bound in found:
                found[exclusive] = found.pop(bound)
        if isinstance(found.get("pattern"), str) and not is_pattern(found["pattern"]):
            del found["pattern"]

    def _is_unsent(self, value: Mapping[str, Any], name: Any) -> bool:
        properties = value.get("properties")
        schema = properties.get(name) if isinstance(properties, dict) and isinstance(name, str) else None
        if not self.unsent or not isinstance(schema, dict):
            return False
        target = self._target(schema["$ref"]) if isinstance(schema.get("$ref"), str) else None
        return bool(schema.get(self.unsent) or (isinstance(target, dict) and target.get(self.unsent)))

    def _nullable(self, value: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        if value.get("nullable") is not True or not self.is_3_0:
            return found
        if isinstance(found.get("type"), str) and not any(word in found for word in ("enum", "const", *_LISTS)):
            return {**found, "type": [found["type"], "null"]}
        annotations = {key: found.pop(key) for key in ("default", "example", READ_ONLY, WRITE_ONLY) if key in found}
        return {"anyOf": [found, {"type": "null"}], **annotations} if found else annotations

    def _discriminate(self, value: Mapping[str, Any], found: dict[str, Any], used: set[str]) -> None:
        discriminator = value.get("discriminator")
        if not isinstance(discriminator, dict) or not isinstance(name := discriminator.get("propertyName"), str):
            return
        mapping = discriminator.get("mapping")
        keys = dict(self._mapped(mapping if isinstance(mapping, dict) else {}, used))
        for word in ("oneOf", "anyOf"):
            if word in found:
                found[word] = [self._with_key(each, name, keys) for each in found[word]]
                return
        found["discriminator"] = {"propertyName": name, "mapping": {key: definition for definition, key in keys.items()}}

    def _with_key(self, schema: Any, name: str, keys: Mapping[str, str]) -> Any:
        """A choice of a discriminator, with the condition that its property has the value that means it."""
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema
        definition = schema["$ref"].removeprefix(DEFINITION)
        key = keys.get(definition) or self._original[definition]
        listed = self._listed(self._raw[definition], name)
        if listed is not None and key not in listed:  # the schema itself knows better
            what = f"the discriminator {name} of {self._original[definition]} would be {key}, which its enum does not list"
            self.contradictions[definition] = what
            return schema
        return {"allOf": [schema, {"properties": {name: {"const": key}}, "required": [name]}]}

    def _listed(self, value: Any, name: str, depth: int = 0) -> list[Any] | None:
        """The values that a schema of the document lists for a property; None where it lists none."""
        if not isinstance(value, dict) or depth > DEEPEST:
            return None
        if isinstance(value.get("$ref"), str):
            return self._listed(self._target(value["$ref"]), name, depth + 1)
        properties = value.get("properties")
        schema = properties.get(name) if isinstance(properties, dict) else None
        if isinstance(schema, dict) and isinstance(schema.get("enum"), list):
            return list(schema["enum"])
        parts = value.get("allOf")
        found = (self._listed(each, name, depth + 1) for each in (parts if isinstance(parts, list) else ()))
        return next((each for each in found if each is not None), None)

    def _mapped(self, mapping: Mapping[str, Any], used: set[str]) -> Iterator[tuple[str, str]]:
        """Definitions, each with the value of the discriminator that means it; of several values the first one."""
        for key, target in reversed(list(mapping.items())):
            if isinstance(target, str):
                reference = target if "/" in target or target.startswith("#") else f"#/components/schemas/{target}"
                yield self._definition(reference, used), key

    def _definition(self, reference: str, used: set[str]) -> str:
        name = self._names.get(reference)
        if name is None:
            target = self._target(reference)
            original = unquote(reference.rpartition("/")[2]).replace("~1", "/").replace("~0", "~")
            name = _unsafe.sub("_", original) or "root"
            while name in self._definitions:
                name += "_"
            self._names[reference], self._original[name], self._raw[name] = name, original, target
            self._used[name] = set()
            self._definitions[name] = {}  # which a recursive schema finds
            self._definitions[name] = self._converted(target, self._used[name])
        used.add(name)
        return name

    def _target(self, reference: str) -> Any:
        root = self.document.root
        try:
            return root.target(reference).value
        except InvalidDocument:
            place = next(holders(root.value, reference), ())
            return replace(root, pointer=place).target(reference)


def holders(value: Any, reference: str, pointer: Pointer = ()) -> Iterator[Pointer]:
    """The pointers of the mappings that have a reference."""
    if isinstance(value, dict):
        if value.get("$ref") == reference:
            yield pointer
        for name, each in value.items():
            yield from holders(each, reference, (*pointer, name))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from holders(each, reference, (*pointer, position))
