"""Writes a draft: the contract as data with its comments, and the world that it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.draft.envelope import add_codes_seen, envelope_of, success_code
from contracts.draft.merge import merged
from contracts.draft.paths import name_operations, with_path_parameters
from contracts.draft.record import BODY, FORM, Code, Field, Operation, Page
from contracts.draft.replies import JSON, phrase, responses, success_data
from contracts.draft.rows import ABSENT, CONSTRAINTS, Guesser, Row, Table, fallback_code, is_name
from contracts.draft.types import nested
from contracts.draft.words import CREDENTIALS, NOT_LOGGED_IN, TOKEN
from contracts.draft.yaml_text import Pointer, written

FORM_MEDIA, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_CODES, MOST_FIELDS = 500, 500
INVENTED = "invalid parameter"
"""The message of a code that no page has."""
DEMO_TOKEN = "demo-token"
_ORDER = "The order is a guess: a page lists codes by number. contracts order infers that of a server."


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
    """An operation with its table."""

    operation: Operation
    credential: str
    table: Table
    success: Row
    codes: list[Code]
    own: list[Row] = field(default_factory=list)
    """The rows that are not common ones."""


class _Drafter:
    def __init__(self, pages: Sequence[Page]) -> None:
        self.operations, self.schemas, self.schemes = merged(pages)
        self.title = next((each.title for each in pages if each.title), "") or "Draft"
        self.envelope = envelope_of(self.operations)
        self.comments: dict[Pointer, list[str]] = {}
        self.todos: list[str] = []
        self.callers: dict[str, str] = {}
        """The let of the session, by security scheme."""

    def draft(self) -> Draft:
        """The draft."""
        name_operations(self.operations)
        for each in self.operations:
            if len(each.codes) > MOST_CODES or len(each.fields) > MOST_FIELDS:
                what = f"the operation has {len(each.codes)} codes and {len(each.fields)} parameters"
                raise each.place.error(what, f"at most {MOST_CODES} and {MOST_FIELDS} are read")
            with_path_parameters(each)
            _settle(each)
            if self.envelope:
                add_codes_seen(each, self.envelope)
                own = envelope_of([each])
                if own and own.code != self.envelope.code:
                    each.todos.append(f"{own.place}: the code is in {own.code} here, and in {self.envelope.code} elsewhere")
        credentials = {each.name: self._credential(each) for each in self.operations}
        drafted = [self._drafted(each, credentials[each.name]) for each in self.operations]
        common = self._common(drafted)
        data = self._document(drafted, common)
        return Draft(
            contract=written(data, self.comments),
            world=_world() if self.callers else "",
            todos=_count(data),
        )

    # --- security ---

    def _credential(self, operation: Operation) -> str:
        """The security scheme of an operation; empty for one without. A parameter that holds a credential becomes the scheme."""
        if "security" in operation.kept:
            names = [name for each in operation.kept["security"] for name in each]
            optional = any(not each for each in operation.kept["security"])
            if not names or optional:
                return ""
            if len(set(names)) > 1:
                operation.todos.append(f"{operation.place}: of the security schemes {', '.join(names)} the first is taken")
            return self._scheme(names[0], operation)
        headers = [each for each in operation.fields if _is_credential(each)]
        queries = [each for each in operation.at("query") if each.name.lower() in ("token", "access_token")]
        asked = any(NOT_LOGGED_IN(text) or TOKEN(text) for each in operation.codes for text in each.messages.values())
        found = next(iter(headers or (queries if asked else [])), None)
        if found:
            operation.fields = [each for each in operation.fields if each not in headers and each is not found]
            scheme = {"type": "apiKey", "in": found.location, "name": found.name}
        elif asked and not any(TOKEN(each.name) for each in operation.fields):
            scheme = {"type": "apiKey", "in": "header", "name": "Authorization"}
        else:
            return ""
        name = next((name for name, each in self.schemes.items() if each == scheme), "")
        if not name:
            fields = (each for one in self.operations for each in one.fields if not _is_credential(each))
            taken = {each.name for each in fields} | self.schemes.keys()
            name = next(each for each in ("token", "credential", "loginToken", "accessCredential") if each not in taken)
            self.schemes[name] = scheme
            if not found:
                self.todos.append(f"{operation.place}: the page asks for a token; is it in the header Authorization?")
        return self._scheme(name, operation)

    def _scheme(self, name: str, operation: Operation) -> str:
        """The name of a scheme that a rule can use."""
        if not is_name(name):
            new = "".join(
                part[0].upper() + part[1:] for part in "".join(c if c.isascii() and c.isalnum() else " " for c in name).split()
            )
            new = new[:1].lower() + new[1:] if new[:1].isalpha() else "credential"
            self.schemes[new] = self.schemes.pop(name) if name in self.schemes else self.schemes[new]
            name = new
        if name not in self.callers:
            taken = {each.name for one in self.operations for each in one.fields} | self.schemes.keys() | {*self.callers.values()}
            self.callers[name] = next(
                each for each in ("caller", *(f"caller{number}" for number in range(2, 99))) if each not in taken
            )
        return name

    # --- tables ---

    def _drafted(self, operation: Operation, credential: str) -> _Drafted:
        fallback = fallback_code(self.envelope is not None, operation.place)
        envelope = self.envelope
        if envelope:
            value, todo = success_code(operation, envelope)
            if value is None:
                value = next((found for each in self.operations if (found := success_code(each, envelope)[0]) is not None), None)
                value = envelope.typed(200) if value is None else value
                todo = f"{operation.place}: the page has no code of success; is it {value}?"
            if todo:
                operation.todos.append(todo)
            fallback.value = envelope.typed(fallback.value)
            is_success = [each for each in operation.codes if str(each.value) == str(value) and not each.is_status]
        else:
            for each in operation.codes:
                each.is_status = each.is_status or (isinstance(each.value, int) and 100 <= each.value < 600)
            if any(not each.is_status for each in operation.codes):
                operation.todos.append(f"{operation.place}: the page shows no body with a code; where is the code in a reply?")
            statuses = [each.value for each in operation.codes if isinstance(each.value, int) and each.is_status]
            value = min((each for each in statuses if 200 <= each < 300), default=200)
            is_success = [each for each in operation.codes if each.value == value]
        others = [each for each in operation.codes if each not in is_success]
        others = [each for each in others if not (each.is_status and isinstance(each.value, int) and each.value < 400)]
        code = is_success[0] if is_success else Code(value, {}, operation.place, is_status=envelope is None)
        if envelope:
            for each in others:
                each.value = each.value if each.is_status else envelope.typed(each.value)
        table = Guesser(operation, credential, self.callers.get(credential, ""), fallback).guess(others)
        success = Row(99, Code(value, code.messages, code.place, code.is_status), kind="")
        return _Drafted(operation, credential, table, success, operation.codes, list(table.rows))

    def _common(self, drafted: Sequence[_Drafted]) -> list[Row]:
        """Takes the rows for the token, and those of several operations, out of the operations in which they are the same.

        A common row applies to each operation that has its names, so all of these must have it.
        """
        found: list[Row] = []
        groups: dict[str, list[tuple[_Drafted, Row]]] = {}
        for each in drafted:
            for row in each.own:
                if set(row.condition) == {"missing"} and row.kind == "assumed" and isinstance(row.condition["missing"], str):
                    groups.setdefault(row.condition["missing"], []).append((each, row))
        for name, members in groups.items():
            first = members[0][1]
            is_token = first.group < ABSENT
            having = [
                each for each in drafted if name in (each.credential, self.callers.get(each.credential)) or _requires(each, name)
            ]
            alike = all(row.code.value == first.code.value for _, row in members)
            lets = any(name in each.table.lets for each in drafted)
            if alike and len(members) == len(having) and not lets and (is_token or len(members) > 1):
                found.append(first)
                for each, row in members:
                    each.own.remove(row)
        return sorted(found, key=lambda row: row.group)

    # --- the document ---

    def _document(self, drafted: Sequence[_Drafted], common: Sequence[Row]) -> dict[str, Any]:
        messages = self._messages(drafted)
        secured = [each for each in drafted if each.credential]
        everywhere = (
            secured[0].credential if secured and all(each.credential == secured[0].credential for each in secured) else ""
        )
        self.comments[("openapi",)] = [
            "A draft. What was guessed is `assumed: PAGE:LINE: why`, here or in a comment. What is still to decide is in x-todo.",
        ]
        data: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": self.title, "version": "0.0.0"}, "servers": [{"url": "/"}]}
        if everywhere:
            data["security"] = [{everywhere: []}]
        todo_at = len(data)
        if self.callers:
            data["x-let"] = {
                let: {"find": "sessions", "where": {"token": scheme}}
                for scheme, let in self.callers.items()
                if any(each.credential == scheme for each in drafted)
            }
        if common:
            data["x-outcomes"] = [self._row(row, messages) for row in common]
            self.comments[("x-outcomes",)] = ["Rows for all operations that have these names."]
        paths: dict[str, Any] = {}
        for each in drafted:
            item = paths.setdefault(each.operation.path, {})
            item[each.operation.method] = self._operation(each, everywhere, messages)
        data["paths"] = paths
        data |= self._rest(messages)
        if self.todos:
            items = list(data.items())
            data = dict([*items[:todo_at], ("x-todo", [*dict.fromkeys(self.todos)]), *items[todo_at:]])
        return data

    def _rest(self, messages: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        components = {"securitySchemes": self.schemes, "schemas": self.schemas}
        if any(components.values()):
            data["components"] = {name: each for name, each in components.items() if each}
        if self.envelope:
            envelope = self.envelope
            keys = {"code": envelope.code, "message": envelope.message, "data": envelope.data}
            data["x-envelope"] = {name: f"/{_escaped(key)}" for name, key in keys.items() if key} | {"body": envelope.body}
            self.comments[("x-envelope",)] = [f"assumed: {envelope.place}: the keys are those of the example"]
            languages = {language for each in messages.values() for language in each}
            if len(languages) > 1:
                self.todos.append("which header of a request asks for a language? Name it as language in x-envelope")
        if messages:
            data["x-messages"] = messages
        if self.callers:
            row = {"required": ["token"], "properties": {"token": {"type": "string"}, "uid": {"type": "string"}}}
            data["x-state"] = {"sessions": {"key": ["token"], "row": row}}
            self.comments[("x-state",)] = ["assumed: a server keeps the tokens that it has given"]
        return data

    def _messages(self, drafted: Sequence[_Drafted]) -> dict[str, dict[str, str]]:
        """The messages by code, each in all languages; of several for one code the most frequent."""
        if not self.envelope:
            return {}
        rows = [(row.code, row.code.messages) for each in drafted for row in (*each.table.rows, each.success)]
        by_code: dict[str, Counter[tuple[tuple[str, str], ...]]] = {}
        for code, texts in rows:
            if not code.is_status:
                by_code.setdefault(str(code.value), Counter())[tuple(texts.items())] += bool(texts)
        found = {
            code: dict(counts.most_common(1)[0][0]) for code, counts in sorted(by_code.items(), key=lambda each: _number(each[0]))
        }
        seen = Counter(language for each in found.values() for language in each)
        languages = sorted(seen, key=lambda each: (-seen[each], each != "zh")) or ["en"]
        for number, texts in found.items():
            if lacking := [each for each in languages if each not in texts]:
                text = next(iter(texts.values()), INVENTED)
                if texts and len(languages) > 1:
                    self.todos.append(f"the message of {number} has no text in {', '.join(lacking)}")
                texts |= dict.fromkeys(lacking, text)
            found[number] = {each: texts[each] for each in languages}
        return found

    def _row(self, row: Row, messages: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        data: dict[str, Any] = {"status" if row.code.is_status else "code": row.code.value, **row.condition}
        if self.envelope:
            common = messages.get(str(row.code.value), {}) if not row.code.is_status else {}
            own = row.code.messages
            if row.code.is_status or (own and any(common.get(language) != text for language, text in own.items())):
                languages = next(iter(messages.values()), {"en": ""})
                text = next(iter(own.values()), "") or (phrase(row.code.value) if isinstance(row.code.value, int) else INVENTED)
                data["msg"] = {language: own.get(language, text) for language in languages}
        return data | ({row.kind: row.why} if row.kind else {})

    def _operation(self, each: _Drafted, everywhere: str, messages: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        operation = each.operation
        at: Pointer = ("paths", operation.path, operation.method)
        parts: dict[str, Any] = {"operationId": operation.name}
        for name in ("summary", "description"):
            if text := getattr(operation, name):
                parts[name] = text
        if each.credential != everywhere:
            parts["security"] = [{each.credential: []}] if each.credential else []
        self._request(operation, parts, at)
        parts["responses"] = responses(operation, self.envelope, each.codes)
        todos = [*dict.fromkeys((*operation.todos, *each.table.todos))]
        rows = [self._row(row, messages) for row in each.own]
        success = self._row(each.success, messages)
        minted, template = success_data(operation, self.envelope, self.schemas)
        if minted and template is not None:
            success |= {"mint": minted, "data": template}
        if operation.method not in ("get", "head"):
            todos.append(f"{operation.place}: what does a success change? Write it as then")
        if everywhere == "" and not each.credential and self.callers and "security" not in operation.kept:
            todos.append(f"{operation.place}: the page asks for no token here, as for other operations; is none needed?")
        parts["x-todo"] = todos
        if not todos:
            del parts["x-todo"]
        if each.table.lets:
            parts["x-let"] = each.table.lets
        problem = _unwritable(operation)
        if problem:
            parts["x-todo"] = [*todos, problem]
            return parts
        parts["x-outcomes"] = [*rows, success]
        notes = [_ORDER] if rows else []
        self.comments[(*at, "x-outcomes")] = [*operation.notes, *notes]
        if minted and template is not None:
            self.comments[(*at, "x-outcomes", len(rows))] = ["The data is invented, and not compared with that of a server."]
        return parts

    def _request(self, operation: Operation, parts: dict[str, Any], at: Pointer) -> None:
        own = [each for each in operation.fields if each.location != BODY and not _is_file(each)]
        if "requestBody" in operation.kept:
            own = [each for each in own if each.location != FORM]
        found = {(_location(each), each.name): each for each in reversed(own)}
        declared = [found[key] for key in reversed(found)]
        if declared:
            parts["parameters"] = [_parameter(each) for each in declared]
        for position, each in enumerate(declared):
            if each.guesses:
                self.comments[(*at, "parameters", position)] = [f"assumed: {each.place}: {guess}" for guess in each.guesses]
        body = operation.kept.get("requestBody") or _body(operation)
        if body:
            parts["requestBody"] = body
        guesses = [f"assumed: {each.place}: {each.name}: {guess}" for each in operation.at(BODY) for guess in each.guesses]
        if guesses and "requestBody" not in operation.kept:
            self.comments[(*at, "requestBody")] = [*dict.fromkeys(guesses)][:20]


def _is_credential(each: Field) -> bool:
    return each.location in ("header", "cookie") and each.name.lower() in CREDENTIALS


def _settle(operation: Operation) -> None:
    """Makes each field one that a rule can use, or that no rule needs."""
    for each in operation.fields:
        kind = each.schema.get("type")
        if each.location not in (BODY, FORM) and (kind == "object" or (not kind and not CONSTRAINTS & each.schema.keys())):
            if kind == "object" or each.type_name:
                operation.todos.append(f"{each.place}: {each.name} has the type {each.type_name or 'object'}, taken as text")
            each.schema = {"type": "string", **({} if kind == "object" else each.schema)}
        if each.location == FORM and kind == "object":
            each.schema = {"type": "string"}
        if not is_name(each.name) and each.location not in (BODY,) and each.name.isidentifier():
            each.schema, each.required = {"type": "string"}, each.location == "path"
            operation.todos.append(f"{each.place}: no rule can use the name {each.name}, so it is optional text")
    if "requestBody" not in operation.kept:
        unusable = [each for each in operation.at(BODY) if not is_name(each.name)]
        operation.fields = [each for each in operation.fields if each not in unusable]
        operation.todos += [f"{each.place}: no rule can use the name {each.name!r}, so it is left out" for each in unusable]


def _unwritable(operation: Operation) -> str:
    """Why an operation cannot have a table; empty if it can."""
    names = [each.name for each in operation.at(BODY) if not is_name(each.name)]
    return f"{operation.place}: there is no table, because no rule can use the name {names[0]!r}" if names else ""


def _location(each: Field) -> str:
    return "query" if each.location == FORM else each.location


def _is_file(each: Field) -> bool:
    return each.schema.get("format") == "binary"


def _parameter(each: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"name": each.name, "in": _location(each)}
    if each.required:
        found["required"] = True
    if each.description:
        found["description"] = each.description
    return found | {"schema": each.schema}


def _body(operation: Operation) -> dict[str, Any] | None:
    """The body: JSON, or a form with the parameters of the query."""
    fields = [*operation.at(BODY)]
    files = [each for each in operation.at(FORM) if _is_file(each)]
    if fields:
        schema: dict[str, Any] = {"type": "object", "properties": nested(fields)}
        required = [each.name for each in fields if each.required]
        return {"required": bool(required), "content": {JSON: {"schema": schema | ({"required": required} if required else {})}}}
    if files:
        return {"content": {MULTIPART: {"schema": {"type": "object", "properties": nested(files)}}}}
    form = any(operation.at(FORM)) or (FORM_MEDIA in operation.media and operation.method not in ("get", "head", "delete"))
    if form and (any(operation.at(FORM)) or any(operation.at("query"))):
        content = {FORM_MEDIA: {"schema": {"type": "object"}}}
        return {"description": "The same parameters as a form.", "content": content}
    return None


def _requires(each: _Drafted, name: str) -> bool:
    """Whether a common row `missing: name` applies to an operation."""
    return any(one.name == name and one.required for one in each.operation.fields)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _number(code: str) -> tuple[int, str]:
    return (int(code), "") if code.lstrip("-").isdecimal() and len(code) < 19 else (1 << 62, code)


def _count(data: Mapping[str, Any]) -> int:
    operations: Iterable[Any] = (each for item in data["paths"].values() for each in item.values())
    return len(data.get("x-todo", ())) + sum(len(each.get("x-todo", ())) for each in operations)


def _world() -> str:
    comment = "# The data at the start. Copy it and write the test accounts of a real server, secrets as '${NAME}'.\n"
    return f"{comment}sessions:\n  - {{token: {DEMO_TOKEN}, uid: U1}}\n"
