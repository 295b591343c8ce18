"""Compiles a document into a contract: binds names, compiles expressions, and collects all problems with their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from openapi.decision.contract import Contract, Operation
from openapi.decision.data import DataCompiler
from openapi.decision.decision import ANY_CODE, ASSUMED, DOCUMENTED, PERMITTED, Rule
from openapi.decision.effect import compile_effect
from openapi.decision.envelope import Envelope
from openapi.decision.lookup import Let, compile_condition, compile_let
from openapi.decision.table_plan import TablePlan
from openapi.document.document import Document, Node, read_document
from openapi.document.errors import ContractError, InvalidDocument, Problem, nearest
from openapi.expression.expression import NOW, ROW, Expression, Names, compile_expression
from openapi.loading.default_rules import plain_rules
from openapi.loading.lint import check_operation
from openapi.loading.schemas import body_parameters, declared, parameter, plain_parameter, requires_body, response_schemas
from openapi.loading.vocabulary import check_sections
from openapi.parameters.parameter import Parameter, read_credential
from openapi.parameters.readings import Stated, stated_reader

HERE = Path(__file__).parent.parent
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def load(path: str | Path | None = None, *, plain: bool = False) -> Contract:
    """Loads a contract; without a path, the built-in `device-sharing.yaml`.

    Operations without `x-outcomes` are left out, unless `plain`: then each answers with its first documented success.
    Raises ContractError, whose `problems` are all problems of the document, each with file and line.
    """
    try:
        return _Compiler(read_document(path or HERE / "device-sharing.yaml"), plain).contract()
    except InvalidDocument as error:
        raise ContractError(error.problems) from None


class _Compiler:
    """Compiles one document. It continues after a problem, to collect all of them."""

    def __init__(self, document: Document, plain: bool) -> None:
        self.root, self.file, self.plain = document.root, document.file, plain
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        self.unused: dict[
            tuple[Any, ...], list[Problem]
        ] = {}  # common lets and rows by pointer: the problems in the operations so far; empty if one uses them
        self.plans: dict[str, TablePlan] = {}

    def contract(self) -> Contract:
        self._check_document()
        self._raise_problems()
        for node in self._children("x-state"):
            if (plan := self._try(TablePlan, node)) is not None:
                self.plans[node.name] = plan
        self._raise_problems()
        operations = {each.name: each for each in self._operations()}
        self.problems.extend(problem for problems in self.unused.values() for problem in problems)
        phases = {name: self._phases(plan) for name, plan in self.plans.items()}
        self._raise_problems()
        info = self.root.get("info")
        envelope, header = self._envelope()
        return Contract(
            file=self.file,
            title=str(info.value.get("title", "")) if info and isinstance(info.value, dict) else "",
            document=self.root.value,
            operations=operations,
            tables={name: plan.columns() for name, plan in self.plans.items()},
            phases=phases,
            secret_columns=_secret_columns(operations.values()),
            envelope=envelope,
            languages=self._languages(),
            language_header=header,
            readings=_readings(self.root),
            notes=tuple(self.notes),
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

    def _phases(self, plan: TablePlan) -> tuple[tuple[str, Expression], ...]:
        node = plan.node.get("phases")
        names: Names = {ROW: plan.types, NOW: "integer"}
        found = ((each.name, self._try(compile_condition, each, names)) for each in (node.children() if node else ()))
        return tuple((name, condition) for name, condition in found if condition is not None)

    def _check_document(self) -> None:
        """Checks the outline of the OpenAPI document, and each section of the vocabulary against its JSON Schema."""
        if not isinstance(self.root.value, dict) or not str(self.root.value.get("openapi", "")).startswith("3."):
            raise ContractError([self.root.problem("is not an OpenAPI 3 document", "begin with openapi: 3.1.0")])
        if not isinstance(self.root.value.get("paths"), dict):
            raise ContractError([self.root.problem("the document has no paths")])
        self.problems.extend(check_sections(self.root))
        for item in self._children("paths"):
            for method in METHODS:
                if (operation := item.get(method)) is not None:
                    self.problems.extend(check_sections(operation))

    def _operations(self) -> Iterator[Operation]:
        seen: dict[str, int] = {}
        for item in self._children("paths"):
            for method in METHODS:
                node = item.get(method)
                if node is None or not (self.plain or "x-outcomes" in node.value):
                    continue
                build = self._operation if "x-outcomes" in node.value else self._plain_operation
                operation = self._try(build, item, node, method)
                if operation is None:
                    continue
                if operation.name in seen:
                    self.problems.append(
                        node.problem(f"duplicate operationId {operation.name}", f"see line {seen[operation.name]}")
                    )
                seen[operation.name] = operation.line
                yield operation

    def _operation(self, item: Node, node: Node, method: str) -> Operation:
        name = node.value.get("operationId")
        if not isinstance(name, str):
            raise ContractError(
                [node.problem("the operation has no operationId", "add one; it is part of the names of outcomes")]
            )
        body = node.get("requestBody")
        content = body.value.get("content", {}) if body else {}
        parameters = self._parameters(item, node, body)
        names: dict[str, Any] = {each.name: each.type for each in parameters} | {"now": "integer"}
        lets = self._lets(node, names)
        rules = self._rules(node, name, names, lets, {each.name for each in parameters if not each.required})
        operation = Operation(
            name=name,
            method=method.upper(),
            path=item.name,
            parameters=parameters,
            lets=lets,
            rules=rules,
            readers=tuple((each.name, each.read) for each in parameters),
            resolvers=_resolvers(lets.values(), rules),
            accepts_form="application/x-www-form-urlencoded" in content,
            accepts_json="application/json" in content,
            requires_json="application/json" in content and requires_body(body),
            response_schemas=response_schemas(node),
            line=node.line,
        )
        if rules:
            self.problems.extend(check_operation(operation, node, self._envelope()[0]))
        return operation

    def _plain_operation(self, item: Node, node: Node, method: str) -> Operation:
        """An operation without a decision table. Its parameters are for the journal only, which hides credentials."""
        name = node.value.get("operationId")
        name = name if isinstance(name, str) and name else f"{method.upper()} {item.name}"
        values = [each.value for each in declared(item, node)]
        parameters = [plain_parameter(each) for each in values if isinstance(each, dict)] + list(self._credentials(node))
        rules = plain_rules(node, name, self.notes.append)
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
        )

    def _read_as_stated(self, parameter: Parameter) -> Parameter:
        stated = _readings(self.root)
        return replace(parameter, read=stated_reader(parameter.read, parameter.type, stated)) if stated else parameter

    def _parameters(self, item: Node, node: Node, body: Node | None) -> tuple[Parameter, ...]:
        own = map(self._read_as_stated, filter(None, map(parameter, declared(item, node))))
        parameters = [*own, *body_parameters(body), *self._credentials(node)]
        return tuple({each.name: each for each in parameters}.values())

    def _credentials(self, node: Node) -> Iterator[Parameter]:
        own = node.get("security")
        security = self.root.get("security") if own is None else own
        components = self.root.get("components")
        schemes = components.get("securitySchemes") if components else None
        required = all(each.value for each in security.children()) if security else False  # {} means that no security is required
        for requirement in security.children() if security else ():
            for name in requirement.value:
                scheme = schemes.get(name) if schemes else None
                if scheme is None:
                    self.problems.append(requirement.problem(f"unknown security scheme {name}"))
                else:
                    value = scheme.value
                    where = value.get("in", "header"), value.get("name", "Authorization")
                    wire_name = where[1].lower() if where[0] == "header" else where[1]
                    yield Parameter(name, where[0], wire_name, {"type": "string"}, required, read_credential, credential=True)

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
            for each in self._children("x-outcomes")
            if optional.isdisjoint(_names(each, "missing"))
        ]
        own = [self._try(self._rule, each, operation, names, lets) for each in node.child("x-outcomes").children()]
        rules = (*(replace(rule, common=True) for rule in common if rule is not None), *own)
        return () if None in rules else tuple(replace(rule, number=number) for number, rule in enumerate(rules, 1))

    def _rule(self, node: Node, operation: str, names: Names, lets: dict[str, Let]) -> Rule:
        row = node.value
        mint = tuple((each.name, compile_expression(each, names)) for each in (node.get("mint") or _empty(node)).children())
        inner = {**names, **{name: expression.type or "string" for name, expression in mint}}
        when, data = node.get("when"), node.get("data")
        code, status = row.get("code"), row.get("status", 200)
        data_compiler = DataCompiler(inner, lets, self.plans, frozenset(name for name, _ in mint))
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
            file=self.file,
            line=node.line,
        )

    def _messages(self, node: Node) -> dict[str, str]:
        messages = self.root.get("x-messages")
        if messages is None or node.value.get("code") == ANY_CODE:
            return node.value.get("msg") or {}
        found = node.value.get("msg") or messages.value.get(str(node.value.get("code")))
        if found is None:
            raise ContractError([node.problem(f"{node.value.get('code')} has no message", "write msg, or add it to x-messages")])
        if absent := [language for language in self._languages() if language not in found]:
            raise ContractError([node.problem(f"the message of {node.value.get('code')} has no text in {', '.join(absent)}")])
        return dict(found)

    def _languages(self) -> tuple[str, ...]:
        messages = self.root.get("x-messages")
        return tuple(dict.fromkeys(language for each in (messages.value if messages else {}).values() for language in each))

    def _envelope(self) -> tuple[Envelope, str | None]:
        node = self.root.get("x-envelope")
        value = node.value if node else {"data": ""}
        return Envelope(value.get("code"), value.get("message"), value.get("data"), value.get("body", {})), value.get("language")


def _readings(root: Node) -> dict[str, Stated]:
    """The readings that `x-readings` states, by kind."""
    node = root.get("x-readings")
    found = {}
    for each in node.children() if node else ():
        value = each.value if isinstance(each.value, dict) else {"is": each.value}
        found[each.name] = Stated(value["is"], value.get("assumed", ""), root.document.file, each.line)
    return found


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


def _expressions(parts: Iterable[Let] | Iterable[Rule]) -> Iterator[Expression]:
    return (expression for part in parts for expression in part.expressions)


def _resolvers(lets: Iterable[Let], rules: Iterable[Rule]) -> dict[str, Callable[[Any], None]]:
    expressions = [*_expressions(lets), *_expressions(rules)]
    return {name: bind for each in lets for name, bind in each.resolvers(expressions).items()}


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
