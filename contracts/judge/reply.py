"""What a reply says: its code and data, checked against status, media type and response schema."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs

import openapi
from contracts.http.wire import Reply


DEEPEST = 64
"""Values of a body that stand one in the other."""
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class WrongReply(Exception):
    """A reply that is not the contract's, whatever the request: what it was, the rule that it breaks, and how."""

    def __init__(self, got: str, rule: str, detail: str = "") -> None:
        self.got, self.rule, self.detail = got, rule, detail
        super().__init__(rule)


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

    def read(self, operation: openapi.Operation, reply: Reply, expected: openapi.Rule) -> tuple[Any, Any]:
        """The code and the data of a reply. Raises WrongReply where the reply is not the contract's."""
        statuses = sorted({rule.status for rule in operation.rules})
        if reply.status not in statuses:
            said = ", ".join(map(str, statuses))
            raise WrongReply(f"HTTP {reply.status}", f"HTTP status: the contract answers with {said}, here {expected}")
        schema = self._schema(operation, reply.status)
        if schema is None and not reply.body:
            return None, None
        media_type = reply.headers.get("content-type", "json")
        if schema is not None and "json" not in media_type.lower():
            raise WrongReply(media_type, f"reply header: Content-Type is {media_type}, the contract answers with JSON")
        body = decoded(reply.body)
        code = self._envelope.code_of(body)
        error = next(iter(schema.iter_errors(body)), None) if schema else None
        if error is not None and not _undocumented(operation, code):  # of an undocumented code the table says it better
            shown = code if isinstance(code, (str, int)) else type(code).__name__
            pointer, message = _explained(error, self._code_path)
            raise WrongReply(f"code {shown!r}", f"reply schema: {pointer}", message)
        return code, self._envelope.data_of(body)

    def _schema(self, operation: openapi.Operation, status: int) -> Any:
        """The schema of a reply: that of its status, else of the range, else of `default`."""
        keys = (str(status), f"{status // 100}XX", f"{status // 100}xx", "default")
        return next((found for key in keys if (found := self._validators.get((operation.name, key)))), None)


def label(status: int, code: Any) -> str:
    """The part of an outcome behind the operation: the code, with the status where that is not 200."""
    if code is None:
        return str(status)
    return str(code) if status == 200 else f"{status}:{code}"


def decoded(body: bytes) -> Any:
    """The JSON of a body. Raises WrongReply."""
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(body) > DEEPEST:
        raise WrongReply("deep JSON", f"reply body: values are nested more than {DEEPEST} deep")
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant, parse_float=_number, object_pairs_hook=_object)
    except ValueError as error:
        raise WrongReply("no JSON", "reply body: is not JSON in UTF-8", str(error)) from None
    return _whole(value) if "\\ud" in text.lower() else value


def _depth(body: bytes) -> int:
    """How deep values are nested, or would be if brackets in texts were no brackets."""
    depth = deepest = 0
    for each in re.findall(rb"[\[{\]}]", _TEXT.sub(b"", body)):
        depth += 1 if each in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _whole(value: Any) -> Any:
    """The value without halves of characters, which no encoding has."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list) else value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise WrongReply("a key twice", "reply body: a key of an object appears twice", f"the key {twice!r}"[:100])
    return found


def _number(text: str) -> int | float:
    """A number; `200.0` is an integer, as in JSON Schema, as long as a float holds every integer of its size."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _undocumented(operation: openapi.Operation, code: Any) -> bool:
    """Whether a code is of the right type, and none of the documented ones."""
    codes = {rule.code for rule in operation.rules}
    return type(code) in map(type, codes) and code not in codes


def _explained(error: Any, code_path: list[str]) -> tuple[str, str]:
    """Where and why; for alternatives, what speaks against the nearest one."""

    def distance(branch: Any) -> tuple[int, int]:
        # A branch that the code itself contradicts is meant for other outcomes.
        return sum(list(each.instance_path) == code_path for each in branch), len(branch)

    branches = [branch for branch in getattr(error.kind, "context", None) or () if branch]
    if branches:
        error = min(branches, key=distance)[0]
    return f"/{'/'.join(map(str, error.instance_path))}", error.message[:300]
