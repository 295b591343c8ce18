"""The oracle: judges one request and its reply by the contract, and follows the server with a state of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

import openapi
from contracts._wire import Pairs, Reply, Request

OK, VIOLATION, NOTE, UNEXPLAINED, UNJUDGED = "ok", "violation", "note", "unexplained", "unjudged"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a reply: the rule that it breaks, and what is the case."""

    rule: str
    what: str


@dataclass(slots=True)
class Verdict:
    """What the contract says of a reply."""

    operation: str
    kind: str
    expected: str
    """The outcome that the mock would give."""
    got: str
    """The outcome of the reply, or what it shows instead."""
    findings: list[Finding] = field(default_factory=list)
    rule: str = ""
    """The rule that a note or an unexplained outcome is about."""
    certain: bool = True
    """Whether every reading of the request has the same answer."""

    @property
    def verifies(self) -> bool:
        """Whether it counts as a case of its outcome."""
        return self.kind == OK and self.certain and self.expected == self.got


class Judge:
    """The oracle for one operation: what does not depend on the state."""

    def __init__(self, operation: openapi.Operation, envelope: openapi.Envelope) -> None:
        self.operation, self.envelope = operation, envelope
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]*)", re.escape(operation.path))
        self._path = re.compile(pattern + "$")
        self._validators: dict[str, jsonschema_rs.Draft202012Validator | None] = {}

    @cached_property
    def statuses(self) -> list[int]:
        """The documented HTTP statuses."""
        return sorted({rule.status for rule in self.operation.rules})

    def readings(self, request: Request) -> Iterator[dict[str, Any]]:
        """The raw values of a request; several where a name is repeated: the first, the last, all with commas."""
        seen: list[dict[str, Any]] = []
        for choose in (_first, _last, ",".join):
            raw = self.operation.gather(
                query=_chosen(request.query, choose),
                form=_chosen(request.form or (), choose),
                headers=_chosen(tuple((name.lower(), value) for name, value in request.headers), choose),
                path=self._path_values(request.path),
                cookies=_cookies(request),
                body=_json_body(request.body),
            )
            if raw not in seen:
                seen.append(raw)
                yield raw

    def rule_of(self, status: int, code: Any) -> openapi.Rule | None:
        """The first rule with this status and code, a code of the same type."""
        return next((rule for rule in self.operation.rules if rule.status == status and _same(rule.code, code)), None)

    def lax_rule_of(self, status: int, code: Any) -> openapi.Rule | None:
        """The rule that a code of the wrong type seems to mean."""
        text = str(int(code)) if isinstance(code, (bool, float)) and code == code // 1 else str(code).strip()
        return next((rule for rule in self.operation.rules if rule.status == status and str(rule.code) == text), None)

    def schema_findings(self, status: int, body: Any) -> list[Finding]:
        """How a body differs from the schema of the reply."""
        validator = self._validator(status)
        if validator is None:
            return []
        found: dict[str, Finding] = {}
        for error in validator.iter_errors(body):
            place, message = _deepest(error)
            rule = f"reply schema: {place} {message}"
            found.setdefault(rule, Finding(rule, f"{place} {message}"))
        return list(found.values())

    def _validator(self, status: int) -> Any:
        schemas = self.operation.response_schemas
        key = next((key for key in (str(status), f"{status // 100}XX", "default") if key in schemas), "")
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator(schemas[key]) if key else None
        return self._validators[key]

    def _path_values(self, path: str) -> dict[str, str]:
        match = self._path.search(path)
        return {name: unquote(value) for name, value in match.groupdict().items()} if match else {}


class Oracle:
    """Judges replies in the order in which they came; `state` is where the server must be by now."""

    def __init__(self, contract: openapi.Contract, state: openapi.State) -> None:
        self.state = state
        self._judges = {name: Judge(each, contract.envelope) for name, each in contract.operations.items()}

    def judge(self, request: Request, reply: Reply, sent: int, received: int) -> Verdict:
        """The verdict on a reply; `sent` and `received` are the epoch ms between which the server decided."""
        judge = self._judges[request.operation]
        try:
            views = [
                openapi.permitted(judge.operation, raw, self.state, now)
                for raw in judge.readings(request)
                for now in sorted({sent, received})
            ]
        except openapi.ExecutionError as error:
            return Verdict(request.operation, UNJUDGED, "", "", rule=str(error), certain=False)
        answer = _answer(views[0])
        verdict = Verdict(request.operation, OK, answer.outcome, "", certain=len({v.answer.outcome for v in views}) == 1)
        self._judge_reply(judge, reply, views, verdict)
        if verdict.findings:
            verdict.kind = VIOLATION
        return verdict

    def _judge_reply(self, judge: Judge, reply: Reply, views: list[openapi.Permitted], verdict: Verdict) -> None:
        answer = _answer(views[0])
        if reply.failure:
            verdict.got = "no reply"
            verdict.findings.append(Finding("a reply to every request", reply.failure))
        elif reply.status not in judge.statuses:
            verdict.got = f"HTTP {reply.status}"
            verdict.findings.append(Finding("HTTP status", f"the HTTP status is {reply.status}; {answer} has {answer.status}"))
        else:
            self._judge_body(judge, reply, views, verdict)

    def _judge_body(self, judge: Judge, reply: Reply, views: list[openapi.Permitted], verdict: Verdict) -> None:
        operation = judge.operation
        coded = any(rule.code is not None for rule in operation.rules if rule.status == reply.status)
        body, problem = _decoded(reply.body) if coded or reply.body else (None, "")
        if problem:
            verdict.got = "no JSON"
            verdict.findings.append(Finding("the body of a reply is JSON in UTF-8", problem))
            return
        code = judge.envelope.code_of(body) if coded else None
        rule = judge.rule_of(reply.status, code)
        if rule is None:
            verdict.got = f"{operation.name}/{json.dumps(code, ensure_ascii=False)[:40]}"
            self._judge_unknown(judge, reply.status, code, body, views, verdict)
            return
        verdict.got = rule.outcome
        verdict.findings.extend(judge.schema_findings(reply.status, body))
        self._judge_outcome(rule, judge.envelope.data_of(body), views, verdict)

    def _judge_unknown(
        self, judge: Judge, status: int, code: Any, body: Any, views: list[openapi.Permitted], verdict: Verdict
    ) -> None:
        """A code that no rule has: one of the wrong type, or one that is not documented."""
        meant = judge.lax_rule_of(status, code)
        if meant is None:
            answer = _answer(views[0])
            verdict.findings.append(Finding(str(answer), f"the code is {code!r}, which is not documented, not {answer.code!r}"))
            return
        kind = type(meant.code).__name__
        verdict.findings.append(
            Finding(f"code type: the code is of type {kind}", f"the code is {code!r} ({type(code).__name__})")
        )
        if meant is judge.operation.success:
            self._follow(meant, judge.envelope.data_of(body), views)

    def _judge_outcome(self, rule: openapi.Rule, data: Any, views: list[openapi.Permitted], verdict: Verdict) -> None:
        allowing = [view for view in views if view.allows(rule.outcome)]
        if not allowing:
            answer = _answer(views[0])
            verdict.findings.append(Finding(str(answer), f"the outcome is {rule.outcome}, not {answer.outcome}"))
            self._follow(rule, data, views)
            return
        allowing.sort(key=lambda view: view.answer.outcome != rule.outcome)
        granted = allowing[0].rule(rule.outcome) or rule
        answer = allowing[0].answer
        problems = self._follow(granted, data, allowing)
        if problems and not verdict.findings:
            verdict.findings.extend(Finding(str(granted), each) for each in problems)
        if granted.kind == "permitted" and granted.always:
            verdict.kind, verdict.rule = UNEXPLAINED, str(granted)
        elif answer.kind == "assumed" and answer.outcome != rule.outcome:
            verdict.kind, verdict.rule = NOTE, str(answer)

    def _follow(self, rule: openapi.Rule, data: Any, views: list[openapi.Permitted]) -> list[str]:
        """Goes to the state after the reply; what is wrong with its data if no reading explains them."""
        problems: list[str] = []
        for view in views:
            try:
                acceptance = view.accept(rule, data)
            except openapi.ExecutionError as error:
                problems = problems or [str(error)]
                continue
            if not acceptance.differences or view is views[-1]:
                self.state = acceptance.state
                return acceptance.differences
            problems = problems or acceptance.differences
        return problems


def _answer(view: openapi.Permitted) -> openapi.Rule:
    """The rule that should have answered; a documented refusal before an assumption."""
    return view.answer if view.answer.kind == "documented" or not view.refusals else view.refusals[0]


def _first(values: list[str]) -> str:
    return values[0]


def _last(values: list[str]) -> str:
    return values[-1]


def _chosen(pairs: Pairs, choose: Any) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: choose(each) for name, each in values.items()}


def _cookies(request: Request) -> dict[str, str]:
    text = next((value for name, value in request.headers if name.lower() == "cookie"), "")
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


def _json_body(body: bytes | None) -> Any:
    try:
        return None if body is None else json.loads(body)
    except ValueError:
        return None


def _same(documented: Any, code: Any) -> bool:
    return type(documented) is type(code) and bool(documented == code)


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _decoded(body: bytes) -> tuple[Any, str]:
    """The value of a JSON body, and what is wrong with it."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse), ""
    except UnicodeDecodeError as error:
        return None, f"the body is not UTF-8: {error.reason} at byte {error.start}"
    except (ValueError, RecursionError) as error:
        return None, f"the body is not JSON: {error}"


def _deepest(error: Any) -> tuple[str, str]:
    """Where a schema is broken and how, without the value; inside the nearest branch of a oneOf or anyOf."""
    branches = [list(branch) for branch in getattr(error.kind, "context", None) or () if branch]
    if branches:
        error = min(branches, key=lambda branch: (_misses_constant(branch), len(branch)))[0]
    place = "/" + "/".join(map(str, error.instance_path))
    value = json.dumps(error.instance, ensure_ascii=False) if hasattr(error, "instance") else ""
    message = str(error.message)
    return place, (message.replace(value, "the value") if len(value) > 20 else message)[:200]


def _misses_constant(branch: list[Any]) -> bool:
    """Whether a branch is for another kind of value, as its constant or enumeration says."""
    return any(list(error.schema_path)[-1:] in (["const"], ["enum"]) for error in branch)
