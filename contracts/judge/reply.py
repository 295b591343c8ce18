"""Reads the code and the data of a reply, and checks its status, media type and response schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs

import openapi
from contracts.http.wire import Reply

GATEWAY = frozenset((429, 502, 503, 504))
"""Statuses that mostly come from something in front of a server."""


BODILESS = (204, 205, 304)
"""Statuses of replies without a body."""


class InvalidReply(Exception):
    """A reply that the contract does not describe: what it was, the rule that it violates, and the difference."""

    def __init__(self, got: str, rule: str, detail: str = "") -> None:
        self.got, self.rule, self.detail = got, rule, detail
        super().__init__(rule)


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply says."""

    outcome: str
    reply: Reply
    body: Any = None
    """Decoded."""
    data: Any = None


class ReplyReader:
    """Reads the replies of one contract; compiles each response schema once."""

    def __init__(self, contract: openapi.Contract) -> None:
        self._envelope = contract.envelope
        self._code_path = [part for part in (contract.envelope.code or "").split("/") if part]
        self._validators = {
            (operation.name, status): jsonschema_rs.validator_for(schema)
            for operation in contract.operations.values()
            for status, schema in operation.response_schemas.items()
        }

    def read(self, operation: openapi.Operation, reply: Reply) -> Said:
        """What a reply says. Raises InvalidReply where its status, type or schema is not documented."""
        statuses = sorted({rule.status for rule in operation.rules})
        if reply.status not in statuses:
            said = ", ".join(map(str, statuses))
            rule = f"HTTP status: {_answerer(operation, reply)} answers {reply.status}, the contract {said}"
            raise InvalidReply(f"HTTP {reply.status}", rule, _hint(reply))
        if reply.status in BODILESS and not reply.body:
            return Said(outcome(operation, reply.status, None), reply)
        schema = self._schema(operation, reply.status)
        if schema is None and not reply.body:
            return Said(outcome(operation, reply.status, None), reply)
        media_type = reply.headers.get("content-type", "json")
        if schema is not None and "json" not in media_type.lower():
            raise InvalidReply(media_type, f"reply header: Content-Type is {media_type}, the contract answers with JSON")
        body = decoded(reply.body)
        code = self._envelope.code_of(body)
        error = next(iter(schema.iter_errors(body)), None) if schema else None
        # For an undocumented code the verdict by the decision table is clearer than a schema error.
        if error is not None and (_may_be_any(operation, reply.status, code) or not _undocumented(operation, code)):
            shown = code if isinstance(code, (str, int)) else type(code).__name__
            pointer, message = _located_error(error, self._code_path)
            raise InvalidReply(f"code {shown!r}", f"reply schema: {pointer}", message)
        return Said(outcome(operation, reply.status, code), reply, body, self._envelope.data_of(body))

    def _schema(self, operation: openapi.Operation, status: int) -> Any:
        """The schema of a reply: that of its status, else of the range, else of `default`."""
        alone = len(operation.response_schemas) == 1  # else `default` is for errors that no row documents
        keys = (str(status), f"{status // 100}XX", f"{status // 100}xx", *(["default"] if alone else []))
        return next((found for key in keys if (found := self._validators.get((operation.name, key)))), None)


def _answerer(operation: openapi.Operation, reply: Reply) -> str:
    """Whose fault a status is: the operation's, or that of something in front of all of them."""
    return "the target" if reply.status in GATEWAY or 300 <= reply.status < 400 or _is_html(reply) else operation.name


def _is_html(reply: Reply) -> bool:
    return "html" in reply.headers.get("content-type", "").lower()


def _hint(reply: Reply) -> str:
    """What to look at where something in front of the server answers."""
    if 300 <= reply.status < 400:
        place = urlsplit(reply.headers.get("location", ""))
        return f"it redirects{f' to {place.scheme}://{place.netloc}' if place.netloc else ''}; use the URL that it redirects to"
    if reply.status == 429:
        return f"it asks to slow down{_retry_after(reply)}; use a lower --rate"
    if reply.status in GATEWAY:
        return f"a gateway answers in place of the server{_retry_after(reply)}; check that the server runs"
    return "a gateway or a login page answers in HTML" if _is_html(reply) else ""


def _retry_after(reply: Reply) -> str:
    found = reply.headers.get("retry-after")
    return f" (Retry-After: {found[:40]})" if found else ""


def outcome(operation: openapi.Operation, status: int, code: Any) -> str:
    """The operation and the code, preceded by the status where that is not 200.

    A row without a code says nothing of the code in the body, so its outcome is the status with any code that no row has.
    """
    if code is None or _may_be_any(operation, status, code):
        return f"{operation.name}/{status}"
    return f"{operation.name}/{code if status == 200 else f'{status}:{code}'}"


def _may_be_any(operation: openapi.Operation, status: int, code: Any) -> bool:
    """Whether a row of this status has no code, and none has this one."""
    codes = [rule.code for rule in operation.rules if rule.status == status]
    return None in codes and code not in codes and openapi.ANY_CODE not in codes


def decoded(body: bytes) -> Any:
    """The JSON of a body. Raises InvalidReply."""
    try:
        return openapi.parse_json(body, parse_constant=_no_constant, parse_float=_number, object_pairs_hook=_object)
    except ValueError as error:
        raise InvalidReply("no JSON", "reply body: not JSON in UTF-8", str(error)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidReply("a key twice", "reply body: a key of an object appears twice", f"the key {twice!r}"[:100])
    return found


def _number(text: str) -> int | float:
    """A number; `200.0` is an integer, as in JSON Schema, as long as a float holds every integer of its size."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _undocumented(operation: openapi.Operation, code: Any) -> bool:
    """Whether a code has the type of a documented code and is none of them."""
    codes = {rule.code for rule in operation.rules}
    return type(code) in map(type, codes) and code not in codes


def _located_error(error: Any, code_path: list[str]) -> tuple[str, str]:
    """The JSON pointer and the message of a schema error; for `oneOf` and `anyOf`, those of the closest alternative."""

    def distance(branch: Any) -> tuple[int, int]:
        # An alternative whose schema excludes the code belongs to other outcomes.
        return sum(list(each.instance_path) == code_path for each in branch), len(branch)

    branches = [branch for branch in getattr(error.kind, "context", None) or () if branch]
    if branches:
        error = min(branches, key=distance)[0]
    return f"/{'/'.join(map(str, error.instance_path))}", error.message[:300]
