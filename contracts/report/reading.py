"""Reads JSON reports into records: the inverse of `contracts.report.data.as_data`. Reports are untrusted data.

A report of an earlier version lacks what only merging needs. Its reasons why too little was covered are kept as they are written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

import openapi
from contracts.http.wire import Request, request_from_data
from contracts.judge.causes import Cause
from contracts.judge.merging import join
from contracts.judge.parts import Part
from contracts.judge.record import LATENCY_BOUNDS, Finding, Record
from contracts.judge.verdict import NOTE, UNEXPLAINED, VIOLATION, Verdict
from contracts.report.data import FORMAT, RANK_TEXTS
from contracts.report.files import invalid, read_json

LONGEST_MESSAGE = 300
"""The most characters of what the validator says."""
Pointer = tuple[str | int, ...]
"""A JSON pointer: keys and positions."""
_NOT_COVERED = "not covered: "
_KINDS = {"violations": VIOLATION, "notes": NOTE, "unexplained": UNEXPLAINED}


def read_report_file(path: str) -> Record:
    """The record of a JSON report. Raises InvalidDocument, also for a file that cannot be read or is too large."""
    return read_report(read_json(path), path)


def read_report(data: Any, where: str) -> Record:
    """The record that `as_data` made plain data of. `where` names the report in errors, such as its file.

    Secrets stay `${NAME}`. Raises InvalidDocument, with a JSON pointer, for data that is no report.
    """
    _check(data, where)
    violations = [_finding(where, "violations", at, each) for at, each in enumerate(data["violations"])]
    others = [_finding(where, kind, at, each) for kind in ("notes", "unexplained") for at, each in enumerate(data[kind])]
    record = Record(
        tuple(data["outcomes"]),
        {},
        data["target"],
        successes=frozenset(data.get("successes", ())),
        required=frozenset(data.get("required", ())),
        seed=data["seed"],
        thorough=data.get("thorough", any(each.startswith(_NOT_COVERED) for each in data["lacking"])),
        observed=data.get("observed", False),
        shard=data.get("shard", ""),
        blocked={outcome: seen["reason"] for outcome, seen in data["outcomes"].items() if "reason" in seen},
        branches=dict(data.get("branches", {})),
        cases=Counter({outcome: seen["cases"] for outcome, seen in data["outcomes"].items() if seen["cases"]}),
        rows=Counter({(each["operation"], each["row"]): each["hits"] for each in data["rows"]}),
        replies=Counter(data["replies"]),
        times=Counter(data.get("times", {})),
        latencies={
            got: Counter({at: count for at, count in enumerate(counts) if count})
            for got, counts in data["latency"]["replies"].items()
        },
        findings=_without_doubles([*violations, *others]),
        known_causes=[_cause(where, at, each, violations) for at, each in enumerate(data["causes"])],
        parts=tuple(Part(**each) for each in data.get("parts", ())),
        gaps=list(data.get("gaps", ())),
        first_replies=set(data.get("first_replies", ())),
        dropped=data["not_kept"],
        behaviours=set(data.get("behaviours", ())),
        requests=data["requests"],
        seconds=data["seconds"],
        pauses=data["pauses"],
        gone=data["gone"],
    )
    if "gaps" not in data:
        record.gaps = [each for each in data["lacking"] if each not in record.lacking()]
    return record


@cache
def _validator() -> Any:
    schema = json.loads(files("contracts.report").joinpath("report.schema.json").read_text(encoding="utf-8"))
    return jsonschema_rs.Draft202012Validator(schema, offline=True)


def _check(data: Any, where: str) -> None:
    """Raises InvalidDocument unless the data is a report of this version."""
    if not isinstance(data, dict) or "outcomes" not in data:
        raise invalid(where, "is not a JSON report", "write one with --json")
    if data.get("format") != FORMAT:
        raise invalid(where, f"is not a report of format {FORMAT}", "write it with this version of contracts")
    for error in _validator().iter_errors(data):
        raise _invalid(where, error.instance_path, _shortened(error.message))
    if data["latency"]["bounds"] != list(LATENCY_BOUNDS):
        raise _invalid(where, ("latency", "bounds"), f"this version counts latencies in buckets up to {LATENCY_BOUNDS}")
    for got, counts in data["latency"]["replies"].items():
        if len(counts) != len(LATENCY_BOUNDS) + 1:
            raise _invalid(where, ("latency", "replies", got), f"is not a list of {len(LATENCY_BOUNDS) + 1} counts")


def _finding(where: str, kind: str, at: int, data: Mapping[str, Any]) -> Finding:
    """One finding. Raises InvalidDocument."""
    steps = _requests(where, (kind, at, "steps"), data["steps"])
    return Finding(
        _verdict(where, kind, at, data),
        steps,
        list(data["curl"]),
        data["reply"],
        steps[-1].size(),
        list(RANK_TEXTS).index(data["shown"]),
        data["count"],
        set(data["also_expected"]),
        data["often"],
        _requests(where, (kind, at, "history"), data.get("history", ())),
    )


def _verdict(where: str, kind: str, at: int, data: Mapping[str, Any]) -> Verdict:
    """The verdict of a finding. Its sentence is the rule of its key, and then the differences. Raises InvalidDocument."""
    sentence = data["rule"]
    rule = data["key"][1] if "key" in data else sentence.partition(" - ")[0]
    if sentence != rule and not sentence.startswith(f"{rule} - "):
        raise _invalid(where, (kind, at, "rule"), "does not begin with the rule in `key`")
    detail = sentence[len(rule) + len(" - ") :]
    permitted = tuple(data["permitted"])
    verdict = Verdict(_KINDS[kind], data["expected"], data["got"], rule, detail, data["reason"], permitted)
    if "key" in data and list(verdict.key) != data["key"]:
        raise _invalid(where, (kind, at, "key"), "is not the key of this finding")
    return verdict


def _requests(where: str, pointer: Pointer, data: Iterable[Mapping[str, Any]]) -> list[Request]:
    found = []
    for at, each in enumerate(data):
        try:
            found.append(request_from_data(each))
        except ValueError as error:
            raise _invalid(where, (*pointer, at), str(error)) from None
    return found


def _without_doubles(findings: Iterable[Finding]) -> dict[tuple[str, ...], Finding]:
    found: dict[tuple[str, ...], Finding] = {}
    for each in findings:
        key = each.verdict.key
        found[key] = join(found[key], each) if key in found else each
    return found


def _cause(where: str, at: int, data: Mapping[str, Any], violations: list[Finding]) -> Cause:
    """One cause. Raises InvalidDocument where a violation of it does not exist."""
    if any(number > len(violations) for number in data["violations"]):
        raise _invalid(where, ("causes", at, "violations"), f"this report has {len(violations)} violations")
    keys = dict.fromkeys(violations[number - 1].verdict.key for number in data["violations"])
    return Cause(data["sentence"], tuple(keys), data["failed"], data["requests"])


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"


def _invalid(where: str, pointer: Iterable[str | int], what: str) -> openapi.InvalidDocument:
    keys = (str(each).replace("~", "~0").replace("/", "~1") for each in pointer)
    return invalid(where, f"{''.join(f'/{each}' for each in keys)}: {what}")
