"""Compiles a document into a contract: binds names, compiles expressions, and collects all problems with their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from openapi.decision.contract import Contract, Operation
from openapi.decision.data import DataCompiler
from openapi.decision.effect import compile_effect
from openapi.decision.envelope import Envelope
from openapi.decision.headers import compile_headers
from openapi.decision.lookup import Let, compile_condition, compile_let
from openapi.decision.rule import ANY_CODE, ASSUMED, DOCUMENTED, PERMITTED, Rule
from openapi.decision.table_plan import TablePlan
from openapi.document.bundle import read_with_files
from openapi.document.document import Document, Node
from openapi.document.errors import ContractError, InvalidDocument, Problem, nearest
from openapi.document.include import with_included
from openapi.document.swagger import converted, is_swagger
from openapi.expression.expression import NOW, Expression, compile_expression
from openapi.expression.kinds import Names, kind_of
from openapi.loading.default_rules import DefaultRules
from openapi.loading.insert_notes import insert_notes
from openapi.loading.lint import check_operation, undecidable, unseen_codes
from openapi.loading.outline import Outline, credentials
from openapi.loading.resolvers import names_used, part_resolvers, resolvers
from openapi.loading.schemas import (
    COMPUTED,
    FORM,
    JSON,
    body_parameters,
    declared,
    media_types,
    parameter,
    parts_of,
    plain_parameter,
    response_schemas,
    unread_bodies,
)
from openapi.loading.servers import base_paths
from openapi.loading.vocabulary import SECTIONS
from openapi.parameters.names import REQUEST
from openapi.parameters.parameter import REQUEST_PARAMETERS, Parameter
from openapi.parameters.readings import Stated, stated_reader
from openapi.schemas.convert import READ_ONLY, WRITE_ONLY, Schemas

HERE = Path(__file__).parent.parent


def load(path: str | Path | Document | None = None, *, plain: bool = False) -> Contract:
    """Loads a contract from a path or a document that was read; without one, the built-in `device-sharing.yaml`.

    Operations without `x-outcomes` are left out, unless `plain`: then each answers with its first documented success.
    Raises ContractError, whose `problems` are all problems of the document, each with file and line.
    """
    try:
        document = path if isinstance(path, Document) else whole_document(path or HERE / "device-sharing.yaml")
        return _Compiler(document, plain).contract()
    except InvalidDocument as error:
        raise ContractError(error.problems) from None
    except RecursionError:
        what = "its references lead from one to the next too often"
        file = path.file if isinstance(path, Document) else str(path)
        raise ContractError([Problem(file, 1, what, "refer to what is meant")]) from None


def whole_document(path: str | Path) -> Document:
    """The document that `load` compiles: with what it includes of itself and of other files, and from Swagger 2 as OpenAPI 3.

    Raises InvalidDocument.
    """
    document = read_with_files(path)
    return converted(document) if is_swagger(document) else with_included(document, SECTIONS)


class _Compiler:
    """Compiles one document. It continues after a problem, to collect all of them."""

    def __init__(self, document: Document, plain: bool) -> None:
        self.root, self.file, self.plain = document.root, document.file, plain
        self.outline = Outline(document.root, plain)
        self.requests, self.replies = Schemas(document, READ_ONLY), Schemas(document, WRITE_ONLY)
        self.default_rules = DefaultRules(self.replies, self.outline.notes.append)
        self.problems = self.outline.problems
        self.unused: dict[tuple[Any, ...], list[Problem]] = {}
        """Common lets and rows by pointer: the problems in the operations so far; empty if one uses them."""
        self.plans: dict[str, TablePlan] = {}
        self.rows_used: set[str] = set()

    def contract(self) -> Contract:
        self.outline.check()
        self._raise_problems()
        for node in self._children("x-state"):
            if (plan := self._try(TablePlan, node)) is not None:
                self.plans[node.name] = plan
        self._raise_problems()
        operations = {each.name: each for each in self._operations()}
        self.problems.extend(problem for problems in self.unused.values() for problem in problems)
        unused = (each for each in self._children("x-rows") if each.name not in self.rows_used)
        self.problems.extend(each.problem(f"no table has the rows {each.name}", "name them in x-outcomes") for each in unused)
        self._raise_problems()
        for problem in undecidable(operations.values()):
            self.outline.note(problem)
        info = self.root.get("info")
        envelope, header = self._envelope()
        return Contract(
            file=self.file,
            title=str(info.value.get("title", "")) if info and isinstance(info.value, dict) else "",
            document=self.root.value,
            operations=operations,
            tables={name: plan.columns() for name, plan in self.plans.items()},
            phases={name: plan.phases for name, plan in self.plans.items()},
            secret_columns=_secret_columns(operations.values()) | {pair for plan in self.plans.values() for pair in plan.secrets},
            envelope=envelope,
            languages=self._languages(),
            language_header=header,
            readings=_readings(self.root),
            notes=tuple(dict.fromkeys(self.outline.notes)),
            unread=tuple(self.outline.unread()),
            files=(self.file, *self.root.document.files.values()),
        )

    def _raise_problems(self) -> None:
        if self.problems:
            raise ContractError(self.problems)

    def _try(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """The result of the action; None where it raises InvalidDocument, whose problems are collected."""
        try:
            return action(*arguments)
        except InvalidDocument as error:
            self.problems.extend(error.problems)
            return None

    def _children(self, key: str) -> Iterator[Node]:
        node = self.root.get(key)
        return iter(()) if node is None else node.children()

    def _operations(self) -> Iterator[Operation]:
        seen: dict[str, int] = {}
        for item, node, method in self.outline.operations():
            has_table = "x-outcomes" in node.value
            if not (self.plain or has_table):
                self.outline.note_near_misses(node)
                continue
            operation = self._with_table(item, node, method) if has_table else self._without_table(item, node, method)
            if operation is None:
                continue
            if operation.name in seen:
                again = node.problem(f"duplicate operationId {operation.name}", f"see line {seen[operation.name]}")
                if has_table:
                    self.problems.append(again)
                    continue
                name = f"{operation.method} {operation.path}"
                self.outline.notes.append(f"{again}; this one is called {name}")
                operation = self._plain_operation(item, node, method, name)
            seen[operation.name] = operation.line
            yield operation

    def _with_table(self, item: Node, node: Node, method: str) -> Operation | None:
        before = len(self.problems)
        self.outline.check_sections(node)
        return self._try(self._operation, item, node, method) if len(self.problems) == before else None

    def _without_table(self, item: Node, node: Node, method: str) -> Operation | None:
        self.outline.note_near_misses(node)
        name = node.value.get("operationId")
        try:
            return self._plain_operation(
                item, node, method, name if isinstance(name, str) and name else f"{method.upper()} {item.name}"
            )
        except InvalidDocument as error:
            self.outline.unusable(error)
            return None

    def _operation(self, item: Node, node: Node, method: str) -> Operation:
        name = node.value.get("operationId")
        if not isinstance(name, str):
            raise ContractError(
                [node.problem("the operation has no operationId", "add one; it is part of the names of outcomes")]
            )
        body = node.mapping("requestBody")
        media = media_types(body)
        parameters = self._parameters(item, node, body)
        for problem in unread_bodies(body, self.requests, {each.wire_name for each in parameters if each.location == "query"}):
            self.outline.note(problem)
        parts = [part for each in parameters for part in parts_of(each)]
        itself = () if any(each.name == REQUEST for each in parameters) else REQUEST_PARAMETERS
        everything = {each.name: each for each in (*itself, *parts, *parameters)}
        names: dict[str, Any] = {each.name: kind_of(each.schema) for each in everything.values()} | {NOW: "integer"}
        lets = self._lets(node, names)
        rules = self._rules(node, name, names, lets, {each.name for each in everything.values() if not each.required})
        computed = {each.name: self._computed(item, node, each, names) for each in parameters if COMPUTED in each.schema}
        used = names_used(lets.values(), rules, computed.values())
        parameters = (*parameters, *(each for each in everything.values() if each.inside and each.name in used))
        operation = Operation(
            name=name,
            method=method.upper(),
            path=item.name,
            parameters=parameters,
            lets=lets,
            rules=rules,
            readers=tuple((each.name, each.read) for each in parameters if each.inside is None),
            resolvers=resolvers(lets.values(), rules, computed.values()) | dict(part_resolvers(parameters)),
            computed=computed,
            accepts_form=FORM in media,
            accepts_json=JSON in media,
            requires_json=JSON in media and _requires_body(body, parameters),
            response_schemas=response_schemas(node, self.replies),
            line=node.line,
            bases=base_paths(self.root, item, node),
        )
        if rules:
            envelope, _ = self._envelope()
            self.problems.extend(check_operation(operation, node, envelope))
            for problem in (*unseen_codes(operation, envelope), *insert_notes(operation, self.plans)):
                self.outline.note(problem)
        return operation

    def _plain_operation(self, item: Node, node: Node, method: str, name: str) -> Operation:
        """An operation without a decision table. Its parameters are for the journal only, which hides credentials."""
        parameters = [
            *(plain_parameter(each.value) for each in declared(item, node)),
            *credentials(self.root, node, self.outline.note),
        ]
        rules = self.default_rules.rules(node, name)
        return Operation(
            name=name,
            method=method.upper(),
            path=item.name,
            parameters=tuple({each.name: each for each in parameters}.values()),
            lets={},
            rules=tuple(replace(rule, number=number) for number, rule in enumerate(rules, 1)),
            resolvers={},
            readers=(),
            accepts_form=False,
            accepts_json=False,
            requires_json=False,
            response_schemas={},
            line=node.line,
            bases=base_paths(self.root, item, node),
        )

    def _read_as_stated(self, parameter: Parameter) -> Parameter:
        stated = _readings(self.root)
        return replace(parameter, read=stated_reader(parameter.read, parameter.type, stated)) if stated else parameter

    def _parameters(self, item: Node, node: Node, body: Node | None) -> tuple[Parameter, ...]:
        own: list[Parameter] = []
        for each in declared(item, node):
            self.outline.note_near_misses(each, (COMPUTED,))
            if (found := parameter(each, self.requests)) is not None:
                own.append(self._read_as_stated(found))
            else:
                hint = "an expression has names of letters, digits and _"
                self.outline.note(each.problem(f"no rule can use the parameter {each.value.get('name')}", hint))
        own += credentials(self.root, node, self.problems.append)
        named = {each.name: each for each in own}
        return (*named.values(), *body_parameters(body, self.requests, named.keys()))

    def _lets(self, node: Node, names: dict[str, Any]) -> dict[str, Let]:
        """The lets of the operation, and the top-level lets whose names it has. Adds their types to `names`."""
        lets: dict[str, Let] = {}
        for each in self._children("x-let"):
            if (result := self._common(each, compile_let, names, self.plans)) is not None:
                lets[each.name], names[each.name] = result
        own = node.get("x-let")
        for each in own.children() if own else ():
            result = self._try(compile_let, each, names, self.plans)
            if result is not None:
                lets[each.name], names[each.name] = result
        return lets

    def _common(self, node: Node, compile_: Callable[..., Any], *arguments: Any) -> Any:
        """A top-level let or row, compiled for this operation; None where it uses names that the operation does not have."""
        try:
            result = compile_(node, *arguments)
        except InvalidDocument as error:
            self.unused.setdefault(node.pointer, list(error.problems))
            return None
        self.unused[node.pointer] = []
        return result

    def _rules(self, node: Node, operation: str, names: Names, lets: dict[str, Let], optional: set[str]) -> tuple[Rule, ...]:
        """The common rows, then those of the operation. A common row for a missing optional parameter is left out."""
        common = [
            self._common(each, self._rule, operation, names, lets)
            for entry in self._children("x-outcomes")
            for each in self._named_rows(entry)
            if optional.isdisjoint(_names(each, "missing"))
        ]
        nodes = [row for each in node.child("x-outcomes").children() for row in self._named_rows(each)]
        own = [self._try(self._rule, each, operation, names, lets) for each in nodes]
        rules = (*(replace(rule, common=True) for rule in common if rule is not None), *own)
        if not rules or None in rules:
            return ()
        success = rules[-1].outcome
        return tuple(replace(rule, number=number, refuses=rule.outcome != success) for number, rule in enumerate(rules, 1))

    def _computed(self, item: Node, node: Node, parameter: Parameter, names: Names) -> Expression:
        text = parameter.schema[COMPUTED]
        places = (each.child(COMPUTED) for each in declared(item, node) if each.value.get(COMPUTED) == text)
        return compile_expression(replace(next(places, node), value=text), names)

    def _named_rows(self, node: Node) -> list[Node]:
        """The rows of `x-rows` that an entry of a decision table names; any other entry is a row itself."""
        if not isinstance(node.value, str):
            return [node]
        named = self.root.get("x-rows")
        found = named.get(node.value) if named else None
        if found is None:
            hint = nearest(node.value, named.value) if named else "x-rows has the rows that have names"
            self.problems.append(node.problem(f"no rows are called {node.value}", hint))
            return []
        self.rows_used.add(node.value)
        return [*found.children()] if isinstance(found.value, list) else [found]

    def _rule(self, node: Node, operation: str, names: Names, lets: dict[str, Let]) -> Rule:
        row = node.value
        mint = tuple((each.name, compile_expression(each, names)) for each in (node.get("mint") or _empty(node)).children())
        inner = {**names, **{name: expression.type or "string" for name, expression in mint}}
        when, data, body, headers = map(node.get, ("when", "data", "body", "headers"))
        code, status = row.get("code"), row.get("status", 200)
        minted = frozenset(name for name, _ in mint)
        data_compiler = DataCompiler(inner, lets, self.plans, minted)
        kind, why = next(((word, row[word]) for word in (ASSUMED, PERMITTED) if word in row), (DOCUMENTED, ""))
        return Rule(
            number=0,
            outcome=f"{operation}/{_label(status, code)}",
            status=status,
            code=code,
            kind=kind,
            why=why,
            messages=self._messages(node),
            missing=_known(node, "missing", names),
            malformed=_known(node, "malformed", names),
            unreadable=_known(node, "unreadable", names),
            when=None if when is None else compile_condition(when, names),
            mint=mint,
            effects=tuple(compile_effect(each, inner, self.plans) for each in (node.get("then") or _empty(node)).children()),
            data=None if data is None else data_compiler.compile(data),
            body=None if body is None else data_compiler.compile(body),
            headers=() if headers is None else compile_headers(headers, inner, minted),
            file=node.file,
            line=node.line,
            pointer=node.pointer,
        )

    def _messages(self, node: Node) -> dict[str, str]:
        messages = self.root.get("x-messages")
        if messages is None or node.value.get("code") in (None, ANY_CODE):
            return node.value.get("msg") or {}
        listed = messages.get(str(node.value.get("code")))
        found = node.value.get("msg") or (listed.value if listed else None)
        if found is None:
            raise ContractError([node.problem(f"{node.value.get('code')} has no message", "write msg, or add it to x-messages")])
        if absent := [language for language in self._languages() if language not in found]:
            raise ContractError([node.problem(f"the message of {node.value.get('code')} has no text in {', '.join(absent)}")])
        return dict(found)

    def _languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(language for each in self._children("x-messages") for language in each.value))

    def _envelope(self) -> tuple[Envelope, str | None]:
        node = self.root.get("x-envelope")
        value = node.followed if node else {"data": ""}
        code, message, data = map(value.get, ("code", "message", "data"))
        return Envelope(code, message, data, value.get("body", {}), value.get("refusal")), value.get("language")


def _readings(root: Node) -> dict[str, Stated]:
    """The readings that `x-readings` states, by kind."""
    node = root.get("x-readings")
    found = {}
    for each in node.children() if node else ():
        value = each.value if isinstance(each.value, dict) else {"is": each.value}
        found[each.name] = Stated(value["is"], value.get("assumed", ""), each.file, each.line)
    return found


def _requires_body(body: Node | None, parameters: Iterable[Parameter]) -> bool:
    """Whether a request has a body even if none of its properties is given; one that is no object is sent whole or not at all."""
    if any(each.location == "body" and not each.wire_name for each in parameters):
        return False
    return body is not None and (body.value.get("required") is True or any(each.location == "body" for each in parameters))


def _empty(node: Node) -> Node:
    return Node(node.document, node.pointer, None)


def _label(status: int, code: Any) -> str:
    if code is None:
        return str(status)
    return str(code) if status == 200 else f"{status}:{code}"


def _names(node: Node, key: str) -> tuple[str, ...]:
    value = node.value.get(key, [])
    return tuple(value) if isinstance(value, list) else (value,)


def _known(node: Node, key: str, names: Names) -> tuple[str, ...]:
    found = _names(node, key)
    for name in found:
        if name not in names:
            raise ContractError([node.child(key).problem(f"unknown name {name}", nearest(name, names))])
    return found


def _secret_columns(operations: Iterable[Operation]) -> frozenset[tuple[str, str]]:
    credentials = {(each.name, parameter.name) for each in operations for parameter in each.parameters if parameter.credential}
    return frozenset(
        (let.lookup.table, column)
        for each in operations
        for let in each.lets.values()
        if let.lookup is not None
        for column, expression in let.lookup.where
        if (each.name, expression.source) in credentials
    )
