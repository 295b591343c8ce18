"""Writes a draft: the contract as data with its comments, and the world that it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import openapi
from contracts.draft.envelope import add_codes_seen, envelope_of, split_codes
from contracts.draft.merge import merged
from contracts.draft.messages import Messages, messages_of, own_message
from contracts.draft.paths import name_operations, with_path_parameters
from contracts.draft.record import Code, Operation, Page
from contracts.draft.replies import refusal_reply, responses, success_reply
from contracts.draft.requests import request, settle, why_no_table
from contracts.draft.rows import TOKEN_INVALID, Guesser, Row, Table, fallback_code
from contracts.draft.security import Security
from contracts.draft.todo import KEY
from contracts.draft.yaml_text import Pointer, written

MOST_CODES, MOST_FIELDS = 500, 500
"""Of one operation."""
WORLD = """\
# The data at the start. For a real server, write its test accounts in place of these, and secrets as '${NAME}'.
sessions:
  - {token: demo-token, uid: U1}
"""
_HEAD = "A draft. What was guessed is `assumed: PAGE:LINE: why`, here or in a comment. What is still to decide is in x-todo."
_ORDER = "The order is a guess: a page lists codes by number. contracts order infers that of a server."
_DATA = "The data is invented, and not compared with that of a server."
_LANGUAGE = "which header of a request asks for a language? Name it as language in x-envelope"


@dataclass(frozen=True, slots=True)
class Draft:
    """A contract and its world as YAML; the world is empty where the contract has no tables."""

    contract: str
    world: str
    todos: int
    """How many things a person must decide."""


def draft(pages: Sequence[Page]) -> Draft:
    """Drafts one contract from pages. Raises InvalidDocument for what cannot be written."""
    return _Drafter(pages).draft()


@dataclass(slots=True)
class _Drafted:
    """An operation with its table; `rows` are those that are not common ones."""

    operation: Operation
    credential: str
    caller: str
    table: Table
    success: Code
    rows: list[Row]

    def applies(self, name: str) -> bool:
        """Whether a common row `missing: name` applies to it."""
        required = {each.called for each in self.operation.fields if each.required}
        return name in (self.credential, self.caller) or name in required

    def is_shared(self, row: Row) -> bool:
        """Whether a row may be a common one."""
        name = row.condition.get("missing")
        return len(row.condition) == 1 and row.kind == "assumed" and isinstance(name, str) and name not in self.table.lets


class _Drafter:
    def __init__(self, pages: Sequence[Page]) -> None:
        self.operations, self.schemas, schemes = merged(pages)
        self.converter = openapi.Schemas(openapi.Document("", {"components": {"schemas": self.schemas}}, {}))
        self.title = next((each.title for each in pages if each.title), "") or "Draft"
        self.envelope = envelope_of(self.operations)
        self.security = Security(self.operations, schemes)
        self.comments: dict[Pointer, list[str]] = {("openapi",): [_HEAD]}

    def draft(self) -> Draft:
        name_operations(self.operations)
        for each in self.operations:
            self._prepare(each)
        credentials = [self.security.credential(each) for each in self.operations]
        drafted = [self._drafted(each, name) for each, name in zip(self.operations, credentials, strict=True)]
        with_table = [each for each in drafted if not why_no_table(each.operation)]
        data = self._document(drafted, _take_common(with_table), {each.credential: each.caller for each in with_table})
        todos = len(data.get(KEY, ())) + sum(len(each.get(KEY, ())) for item in data["paths"].values() for each in item.values())
        return Draft(written(data, self.comments), WORLD if "x-state" in data else "", todos)

    def _prepare(self, operation: Operation) -> None:
        codes, fields = len(operation.codes), len(operation.fields)
        if codes > MOST_CODES or fields > MOST_FIELDS:
            hint = f"at most {MOST_CODES} and {MOST_FIELDS} are read"
            raise operation.place.error(f"the operation has {codes} codes and {fields} parameters", hint)
        with_path_parameters(operation)
        settle(operation)
        if self.envelope:
            add_codes_seen(operation, self.envelope)
            own = envelope_of([operation]) if operation.examples or operation.reply else None
            if own and own.code != self.envelope.code:
                what = f"the code is in {own.code} here, and in {self.envelope.code} elsewhere"
                operation.todos.append(f"{own.place}: {what}")

    def _drafted(self, operation: Operation, credential: str) -> _Drafted:
        caller = self.security.callers.get(credential, "")
        success, others = split_codes(operation, self.envelope, self.operations)
        table = Guesser(operation, credential, caller, fallback_code(self.envelope, operation.place)).guess(others)
        for row in table.rows if self.envelope is None else ():
            row.reply = refusal_reply(operation, row.code, self.converter)
        return _Drafted(operation, credential, caller, table, success, [*table.rows])

    def _document(self, drafted: Sequence[_Drafted], common: Sequence[Row], callers: dict[str, str]) -> dict[str, Any]:
        callers = {scheme: caller for scheme, caller in callers.items() if scheme}
        codes = [code for each in drafted for code in (*(row.code for row in each.table.rows), each.success)]
        messages, todos = messages_of(codes, (each.success for each in drafted)) if self.envelope else ({}, [])
        everywhere = {each.credential for each in drafted}
        shared = everywhere.pop() if len(everywhere) == 1 else next((each for each in self.security.callers), "")
        paths: dict[str, Any] = {}
        for each in drafted:
            operation = each.operation
            paths.setdefault(operation.path, {})[operation.method] = self._operation(each, shared, messages)
        envelope = self._envelope(messages, todos)
        if self.envelope and not any(each.examples or each.reply for each in self.operations):
            todos.append(f"{self.envelope.place}: no page shows a body; where are code, message and data in a reply?")
        data: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": self.title, "version": "0.0.0"}, "servers": [{"url": "/"}]}
        data["security"] = [{shared: []}] if shared else None
        data[KEY] = [*dict.fromkeys((*self.security.todos, *todos))]
        data["x-let"] = {let: {"find": "sessions", "where": {"token": scheme}} for scheme, let in callers.items()}
        data["x-outcomes"] = [self._row(row, messages) for row in common]
        self.comments[("x-outcomes",)] = ["Rows for all operations that have these names."]
        data["paths"] = paths
        components = {"securitySchemes": self.security.schemes, "schemas": self.schemas}
        data["components"] = {name: each for name, each in components.items() if each}
        data["x-envelope"], data["x-messages"] = envelope, messages
        data["x-state"] = self._tables() if callers else None
        return {name: each for name, each in data.items() if each}

    def _envelope(self, messages: Messages, todos: list[str]) -> dict[str, Any] | None:
        envelope = self.envelope
        if envelope is None:
            return None
        found = envelope.pointers() | {"body": envelope.body}
        self.comments[("x-envelope",)] = notes = [f"assumed: {envelope.place}: {envelope.why}"]
        headers = (each for one in self.operations for each in one.at("header"))
        header = next((each for each in headers if "lang" in each.name.lower()), None)
        if len(next(iter(messages.values()), ())) > 1:
            if header:
                found["language"] = header.name
                notes.append(f"assumed: {header.place}: {header.name} selects the language")
            else:
                todos.append(_LANGUAGE)
        return found

    def _tables(self) -> dict[str, Any]:
        self.comments[("x-state",)] = ["assumed: a server keeps the tokens that it has given"]
        row = {"required": ["token"], "properties": {"token": {"type": "string"}, "uid": {"type": "string"}}}
        return {"sessions": {"key": ["token"], "row": row}}

    def _row(self, row: Row, messages: Messages) -> dict[str, Any]:
        return {**self._outcome(row.code, row.condition, messages), **row.reply, row.kind: row.why}

    def _outcome(self, code: Code, condition: dict[str, Any], messages: Messages) -> dict[str, Any]:
        found = {"status" if code.is_status else "code": code.value, **condition}
        message = own_message(code, messages) if self.envelope else {}
        return found | ({"msg": message} if message else {})

    def _operation(self, each: _Drafted, shared: str, messages: Messages) -> dict[str, Any]:
        operation = each.operation
        at: Pointer = ("paths", operation.path, operation.method)
        parts: dict[str, Any] = {"operationId": operation.name}
        parts["summary"], parts["description"] = operation.summary, operation.description
        parts = {name: text for name, text in parts.items() if text}
        if each.credential != shared:
            parts["security"] = [{each.credential: []}] if each.credential else []
        parts |= request(operation, at, self.comments)
        parts["responses"] = responses(operation, self.envelope)
        if todos := [*dict.fromkeys(self._todos(each, shared))]:
            parts[KEY] = todos
        if why_no_table(operation):
            return parts
        if each.table.lets:
            parts["x-let"] = each.table.lets
        rows = [self._row(row, messages) for row in each.rows]
        success = self._outcome(each.success, {}, messages)
        if reply := success_reply(operation, self.envelope, self.converter):
            success |= reply
            self.comments[(*at, "x-outcomes", len(rows))] = [_DATA]
        self.comments[(*at, "x-outcomes")] = [*operation.notes, *([_ORDER] if rows else [])]
        return parts | {"x-outcomes": [*rows, success]}

    def _todos(self, each: _Drafted, shared: str) -> Iterator[str]:
        operation = each.operation
        yield from (*operation.todos, *each.table.todos)
        if operation.method not in ("get", "head"):
            yield f"{operation.place}: what does a success change? Write it as then"
        if shared and not each.credential and "security" not in operation.kept:
            yield f"{operation.place}: the page asks for no token here, as for other operations; is none needed?"
        yield from filter(None, [why_no_table(operation)])


def _answers_alike(row: Row, other: Row) -> bool:
    return (row.code.value, row.code.is_status, row.reply) == (other.code.value, other.code.is_status, other.reply)


def _take_common(drafted: Sequence[_Drafted]) -> list[Row]:
    """Takes the rows for the token, and those of several operations, out of the operations in which they are the same.

    A common row applies to each operation that has its names, so all of these must have it.
    """
    groups: dict[str, list[tuple[_Drafted, Row]]] = {}
    for each in drafted:
        for row in filter(each.is_shared, each.rows):
            groups.setdefault(row.condition["missing"], []).append((each, row))
    found = []
    for name, members in groups.items():
        first = members[0][1]
        alike = all(_answers_alike(row, first) for _, row in members)
        everywhere = {each.operation.name for each in drafted if each.applies(name) or name in each.table.lets}
        of_token = first.group <= TOKEN_INVALID
        if alike and everywhere == {each.operation.name for each, _ in members} and (of_token or len(members) > 1):
            found.append(first)
            for each, row in members:
                each.rows.remove(row)
    return sorted(found, key=lambda row: row.group)
