"""Reads what was recorded: Postman collections of version 2, and HAR files."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openapi
from contracts.draft.json_text import json_value
from contracts.draft.paths import METHODS, path_of
from contracts.draft.record import BODY, FORM, Code, Example, Field, Operation, Page, Place
from contracts.draft.text import cleaned, one_line
from contracts.draft.types import schema_from, schema_of_texts
from contracts.draft.words import CODE_KEYS, CREDENTIALS, SECRET

MOST_REQUESTS, MOST_FOLDERS = 5000, 50
_identifier = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24,64}", re.IGNORECASE).fullmatch
_opaque = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_.~-]{16,}").fullmatch
"""A text that may be a credential, whatever its name is."""
_static = re.compile(r"\.(js|css|png|jpe?g|gif|svg|ico|woff2?|ttf|map|html?)$", re.IGNORECASE).search


def is_postman(data: Any) -> bool:
    """Whether the data is a Postman collection."""
    return isinstance(data, dict) and isinstance(data.get("info"), dict) and isinstance(data.get("item"), list)


def is_har(data: Any) -> bool:
    """Whether the data is an HTTP archive."""
    return isinstance(data, dict) and isinstance(data.get("log"), dict) and isinstance(data["log"].get("entries"), list)


def read_postman(document: openapi.Document) -> Page:
    """The operations of a collection. Raises Unreadable."""
    seen = _Seen(document)
    for node in _requests(document.root, 0):
        request = node.get("request")
        if request is not None:
            _postman_request(seen, node, request)
    return seen.page(str(document.data["info"].get("name", "")))


def _requests(node: openapi.Node, depth: int) -> Iterator[openapi.Node]:
    items = node.get("item")
    for each in items.children() if items and isinstance(items.value, list) and depth < MOST_FOLDERS else ():
        if isinstance(each.value, dict):
            yield from _requests(each, depth + 1) if "item" in each.value else (each,)


def _postman_request(seen: _Seen, node: openapi.Node, request: openapi.Node) -> None:
    value = request.value if isinstance(request.value, dict) else {"url": request.value}
    url = value.get("url")
    raw = url.get("raw", "") if isinstance(url, dict) else url
    if not isinstance(raw, str) or not raw:
        return
    operation = seen.operation(str(value.get("method", "GET")), raw, request.line)
    if operation is None:
        return
    operation.summary = operation.summary or one_line(cleaned(str(node.value.get("name", ""))))
    operation.description = operation.description or one_line(cleaned(_description(value)))
    parts = url if isinstance(url, dict) else {}
    query = _pairs(parts.get("query"))
    seen.texts(operation, "query", query or {name: ([text], "") for name, text in parse_qsl(urlsplit(raw).query)}, request.line)
    seen.headers(operation, [str(each.get("key", "")) for each in _dicts(value.get("header"))], request.line)
    if isinstance(value.get("auth"), dict) and value["auth"].get("type") != "noauth":
        seen.headers(operation, ["Authorization"], request.line)
    body = value.get("body")
    if isinstance(body, dict):
        if isinstance(body.get("raw"), str):
            seen.body(operation, body["raw"], request.line)
        for key in ("urlencoded", "formdata"):
            seen.texts(operation, FORM, _pairs(body.get(key)), request.line)
    responses = node.get("response")
    for each in responses.children() if responses else ():
        if isinstance(each.value, dict):
            seen.reply(operation, each.value.get("code"), each.value.get("body"), each.line)


def _description(value: dict[str, Any]) -> str:
    found = value.get("description")
    return str(found.get("content", "")) if isinstance(found, dict) else str(found or "")


def _pairs(value: Any) -> dict[str, tuple[list[str], str]]:
    """The texts and the description of each name of a list of keys and values."""
    found: dict[str, tuple[list[str], str]] = {}
    for each in _dicts(value):
        if isinstance(each.get("key"), str) and each["key"]:
            text = each.get("value")
            known = found.setdefault(each["key"], ([], one_line(cleaned(_description(each)))))
            if isinstance(text, str) and text and "{{" not in text:
                known[0].append(text)
    return found


def read_har(document: openapi.Document) -> Page:
    """The operations of an archive. Files that a browser loads for a page are left out. Raises Unreadable."""
    seen = _Seen(document)
    for node in document.root.child("log").child("entries").children():
        request, reply = node.get("request"), node.get("response")
        if request is None or not isinstance(request.value, dict) or not isinstance(request.value.get("url"), str):
            continue
        url, line = request.value["url"], request.line
        content = reply.value.get("content") if reply and isinstance(reply.value, dict) else None
        kind = str(content.get("mimeType", "")) if isinstance(content, dict) else ""
        if _static(urlsplit(url).path) or (kind and not re.search(r"json|octet|text/plain|form", kind)):
            continue
        operation = seen.operation(str(request.value.get("method", "GET")), url, line)
        if operation is None:
            continue
        query: dict[str, tuple[list[str], str]] = {}
        for name, text in parse_qsl(urlsplit(url).query):
            query.setdefault(name, ([], ""))[0].append(text)
        seen.texts(operation, "query", query, line)
        seen.headers(operation, [str(each.get("name", "")) for each in _dicts(request.value.get("headers"))], line)
        post = request.value.get("postData")
        if isinstance(post, dict) and isinstance(post.get("text"), str):
            if "form" in str(post.get("mimeType", "")):
                pairs = parse_qsl(post["text"])
                seen.texts(operation, FORM, {name: ([text], "") for name, text in pairs}, line)
            else:
                seen.body(operation, post["text"], line)
        if reply is not None and isinstance(content, dict):
            seen.reply(operation, reply.value.get("status"), _content(content), reply.line)
    return seen.page("")


def _content(content: dict[str, Any]) -> Any:
    text = content.get("text")
    if isinstance(text, str) and content.get("encoding") == "base64":
        try:
            return base64.b64decode(text).decode()
        except (binascii.Error, UnicodeError):
            return None
    return text


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _without_secrets(value: Any, is_secret: bool = False) -> Any:
    """A body in which values that may be secret are blank. The keys of an envelope, such as `code`, tell no secret."""
    if isinstance(value, dict):
        return {
            name: _without_secrets(each, is_secret or (name.lower() not in CODE_KEYS and SECRET(name) is not None))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(each, is_secret) for each in value]
    if isinstance(value, str):
        return "" if is_secret or _opaque(value) else value
    return 0 if is_secret and type(value) in (int, float) else value


class _Seen:
    """Collects requests and replies by operation. What is required cannot be seen, so nothing is."""

    def __init__(self, document: openapi.Document) -> None:
        self.file = document.file
        self.operations: dict[tuple[str, str], Operation] = {}
        self.values: dict[int, list[str]] = {}
        self.bodies: dict[int, list[Any]] = {}
        self.requests = 0

    def operation(self, method: str, url: str, line: int) -> Operation | None:
        """The operation of a request, in which numbers and identifiers of the path are parameters; None for another method."""
        method, place = method.lower(), Place(self.file, line)
        self.requests += 1
        if method not in METHODS or method == "options":
            return None
        if self.requests > MOST_REQUESTS:
            raise place.error(f"there are more than {MOST_REQUESTS} requests", "leave out those that are alike")
        path, _ = path_of(url, place)
        segments, names = path.split("/"), list[str]()
        for position, each in enumerate(segments):
            if _identifier(each) or _opaque(each):
                names.append(f"id{len(names) + 1}" if names else "id")
                segments[position] = f"{{{names[-1]}}}"
        path = "/".join(segments)
        found = self.operations.setdefault((method, path), Operation(method, path, place))
        if names and not any(found.at("path")):
            what = "a part of the path that looks like an identifier"
            found.fields += [Field(name, place, "path", True, schema={"type": "string"}, description=what) for name in names]
        return found

    def texts(self, operation: Operation, location: str, seen: dict[str, tuple[list[str], str]], line: int) -> None:
        """Notes the values of parameters."""
        for name, (texts, description) in seen.items():
            field = self._field(operation, name, location, line)
            field.description = field.description or description
            known = self.values.setdefault(id(field), [])
            known += texts
            field.schema = schema_of_texts(known)
            if known and not SECRET(name) and not _opaque(known[0]):
                field.schema["examples"] = known[:1] if field.schema["type"] == "string" else [json.loads(known[0].lower())]
            field.guesses = ["its type is that of the values that were seen"]

    def _field(self, operation: Operation, name: str, location: str, line: int) -> Field:
        for each in operation.at(location):
            if each.name == name:
                return each
        operation.fields.append(Field(name, Place(self.file, line), location))
        return operation.fields[-1]

    def headers(self, operation: Operation, names: list[str], line: int) -> None:
        """Notes a credential; other headers are those of the client. Their values are secret and not read."""
        for name in names:
            if name.lower() in CREDENTIALS and not any(each.name.lower() == name.lower() for each in operation.at("header")):
                operation.fields.append(Field(name, Place(self.file, line), "header", schema={"type": "string"}))

    def body(self, operation: Operation, text: str, line: int) -> None:
        """Notes the properties of a JSON body."""
        value = json_value(text)
        for name, each in value.items() if isinstance(value, dict) else ():
            field = self._field(operation, name, BODY, line)
            known = self.bodies.setdefault(id(field), [])
            known.append(each)
            field.schema = schema_from(known)
            field.guesses = ["its type is that of the values that were seen"]

    def reply(self, operation: Operation, status: Any, text: Any, line: int) -> None:
        """Notes a reply: its status, and its body as an example."""
        place = Place(self.file, line)
        if isinstance(status, int) and 200 <= status < 600 and status not in {each.value for each in operation.codes}:
            operation.codes.append(Code(status, {}, place, is_status=True))
        value = json_value(text) if isinstance(text, str) else None
        if value is not None:
            operation.examples.append(Example(_without_secrets(value), place, real=True))

    def page(self, title: str) -> Page:
        """What was collected. Raises Unreadable where there was no request."""
        if not self.operations:
            raise Place(self.file, 1).error("there is no request of an API in it", "record one whose reply is JSON")
        return Page([*self.operations.values()], one_line(cleaned(title)))
