"""Default rules for operations without a decision table.

Such an operation answers with its first documented success, from the document's examples or else from its schemas. Every
other documented reply is a *permitted* row, because the document does not say when it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from openapi.decision.content import DEFAULT, Content
from openapi.decision.data import Template
from openapi.decision.rule import DOCUMENTED, PERMITTED, Rule
from openapi.document.document import Node
from openapi.document.errors import InvalidDocument, first_line
from openapi.schemas.convert import Schemas
from openapi.schemas.sample import sample
from openapi.schemas.validator import validator
from openapi.schemas.xml_text import as_xml, is_xml

UNKNOWN = "the document does not say when"
_status = re.compile(r"[1-5][0-9][0-9]|[1-5]XX").fullmatch
_CONCRETE = {"*/*": "application/json", "application/*": "application/json", "text/*": "text/plain"}
"""The media types that are sent for the most common ranges."""
_RESERVED = ("connection", "content-length", "content-type", "date", "mock-outcome", "transfer-encoding")
"""Headers that this package sends itself."""
_is_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_sendable = re.compile(r"[^\x00-\x1f\x7f]*").fullmatch
_TELLING = ("const", "default", "enum", "example", "examples", "format", "pattern")
"""Keywords of a schema without which a text says nothing."""

Note = Callable[[str], None]


class DefaultRules:
    """Makes the rows of the operations of one document."""

    def __init__(self, schemas: Schemas, note: Note) -> None:
        """`note` gets a sentence for each thing that the document leaves open."""
        self.schemas, self.note = schemas, note

    def rules(self, node: Node, operation: str) -> tuple[Rule, ...]:
        """The rows of an operation, the success last."""
        documented = dict(self._documented(node, operation))
        success = _success(list(documented))
        if success is None:
            self.note(f"{operation} documents no final reply: it answers 200 without a body")
        rows = [self._rule(each, key, operation, node) for key, each in documented.items() if key != success]
        return (*rows, self._rule(documented[success] if success else None, success or "200", operation, node, DOCUMENTED))

    def _documented(self, node: Node, operation: str) -> Iterator[tuple[str, Node]]:
        """The documented replies by key. An interim reply (1xx) is none: a client waits for the final one."""
        responses = node.mapping("responses")
        for name in responses.value if responses else ():
            key = name.upper() if name.lower() != DEFAULT else DEFAULT
            if key == DEFAULT or (_status(key) and not key.startswith("1")):
                try:
                    response = responses.mapping(name) if responses else None
                except InvalidDocument as error:
                    self.note(f"{operation}/{name}: {error}")
                    continue
                yield key, response if response is not None else node
            elif not name.lower().startswith("x-") and not _status(key):
                self.note(f"{operation}: {name} is no status, no range such as 4XX and not default, so it is not served")

    def _rule(self, response: Node | None, key: str, operation: str, node: Node, kind: str = PERMITTED) -> Rule:
        status = _first_status(key, kind)
        outcome = f"{operation}/{status if key.isdecimal() or kind == DOCUMENTED else key}"
        content = self._content(response, key, outcome)
        body = content.body
        return Rule(
            number=0,
            outcome=outcome,
            status=status,
            code=None,
            kind=kind,
            why="" if kind == DOCUMENTED else UNKNOWN,
            messages={},
            missing=(),
            malformed=(),
            unreadable=(),
            when=None,
            mint=(),
            effects=(),
            data=Template(lambda scope: body, lambda scope, actual, match, pointer: None, ()) if content.bodies else None,
            body=None,
            headers=(),
            file=node.file,
            line=(response or node).line,
            content=content,
        )

    def _content(self, response: Node | None, key: str, outcome: str) -> Content:
        headers: list[tuple[str, str]] = []
        bodies: dict[str, dict[str, Any]] = {}
        for name, node in self._parts(response, "headers", outcome):
            if (text := self._header(name, node, outcome)) is not None:
                headers.append((name, text))
        for name, node in self._parts(response, "content", outcome):
            bodies[_CONCRETE.get(name, name)] = self._examples(name, node, outcome)
        return Content(key, tuple(headers), bodies)

    def _parts(self, response: Node | None, key: str, outcome: str) -> Iterator[tuple[str, Node]]:
        """The headers or the media types of a reply; what cannot be read is noted."""
        try:
            parts = response.mapping(key) if response else None
        except InvalidDocument as error:
            return self.note(f"{outcome}: {error}")
        for name in parts.value if parts else ():
            try:
                node = parts.mapping(name) if parts else None
            except InvalidDocument as error:
                self.note(f"{outcome}: {error}")
                continue
            if node is not None:
                yield name, node

    def _examples(self, media: str, node: Node, outcome: str) -> dict[str, Any]:
        """The examples of a media type by name, or else a value from its schema under an empty name."""
        schema = self._schema(node, outcome)
        found = dict(_given(node))
        if not found:
            if schema is None:
                self.note(f"{outcome}: no example and no schema: null")
            value, problem = self._sample(schema or {}, outcome)
            found = {"": value}
            if problem:
                self.note(f"{outcome}: no value was found that fits its schema ({problem}); write an example")
        elif schema is not None and "json" in media:
            for problem in filter(None, (_difference(schema, value) for value in found.values())):
                self.note(f"{outcome}: its example does not fit its schema ({problem}); correct one of the two")
        if is_xml(media):
            return {name: as_xml(value, schema if schema and _is_valid(schema) else {}) for name, value in found.items()}
        return found

    def _header(self, name: str, node: Node, outcome: str) -> str | None:
        """The text of a documented header; None for one that says nothing, or that cannot be sent."""
        given = dict(_given(node))
        schema = self._schema(node, outcome) or {}
        telling = schema.get("type", "string") != "string" or any(word in schema for word in _TELLING) or "$ref" in schema
        if name.lower() in _RESERVED or not _is_name(name) or not (given or telling or node.value.get("required") is True):
            return None
        text = _text(next(iter(given.values())) if given else self._sample(schema, f"{outcome}, header {name}")[0])
        if not _sendable(text):
            self.note(f"{outcome}: the value of the header {name} cannot be sent")
            return None
        return text

    def _schema(self, node: Node, outcome: str) -> dict[str, Any] | None:
        if not isinstance(node.value.get("schema"), (dict, bool)):
            return None
        try:
            schema = self.schemas.standing_alone(node.value["schema"])
        except InvalidDocument as error:
            self.note(f"{outcome}: {error}")
            return None
        for definition in schema.get("$defs", {}):
            if definition in self.schemas.contradictions:
                self.note(f"{outcome}: {self.schemas.contradictions[definition]}")
        return schema

    def _sample(self, schema: dict[str, Any], outcome: str) -> tuple[Any, str]:
        try:
            return sample(schema)
        except ValueError as error:
            self.note(f"{outcome}: its schema is invalid ({first_line(error)}), so it answers null")
            return None, ""


def _success(keys: list[str]) -> str | None:
    """The key of the reply that stands for success: of two statuses the lower one, of a status and a range the status."""
    groups = [
        [key for key in keys if key[0] == "2" and key.isdecimal()],
        [key for key in keys if key == "2XX"],
        [key for key in keys if key[0] == "3" and key.isdecimal()],
        [key for key in keys if key == "3XX"],
        [key for key in keys if key == DEFAULT],
        keys,
    ]
    return next((min(group) for group in groups if group), None)


def _first_status(key: str, kind: str) -> int:
    if key == DEFAULT:
        return 200 if kind == DOCUMENTED else 500
    return int(key.replace("X", "0"))


def _given(node: Node) -> Iterator[tuple[str, Any]]:
    """The examples that a media type or a header has, by name."""
    examples = node.value.get("examples")
    for name in examples if isinstance(examples, dict) else ():
        try:
            each = node.child("examples").child(name).value
        except InvalidDocument:
            continue  # the example is in another file, or nowhere
        if isinstance(each, dict) and "value" in each:
            yield str(name), each["value"]
    if "example" in node.value:
        yield "", node.value["example"]


def _difference(schema: dict[str, Any], value: Any) -> str:
    try:
        error = next(iter(validator(schema).iter_errors(value)), None)
    except ValueError as invalid:
        return first_line(invalid)
    return str(error.message)[:150] if error else ""


def _is_valid(schema: dict[str, Any]) -> bool:
    try:
        validator(schema)
    except ValueError:
        return False
    return True


def _text(value: Any) -> str:
    """A value as the text of a header, by the style `simple`."""
    if isinstance(value, dict):
        return ",".join(f"{name},{_text(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
