"""The record as JUnit XML: a test suite for each operation, a test case for each outcome."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from contracts.judge.record import BLOCKED, NOT_COVERED, Record
from contracts.report.data import as_data


def write_junit(record: Record, path: str) -> None:
    """Writes the file. Raises OSError."""
    data = as_data(record)
    root = Element("testsuites", name="contracts")
    suites: dict[str, Element] = {}
    missed = record.missed()
    for outcome, seen in data["outcomes"].items():
        operation, _, code = outcome.partition("/")
        suite = suites.get(operation)
        if suite is None:
            suite = suites[operation] = SubElement(root, "testsuite", name=operation)
        case = SubElement(suite, "testcase", classname=operation, name=code, time=_seconds(record.times[outcome]))
        violations = [each for each in data["violations"] if outcome in (each["expected"], *each["also_expected"])]
        _add_result(case, seen, violations, outcome in missed)
    for name, suite in suites.items():
        suite.set("time", _seconds(sum(record.times[each] for each in data["outcomes"] if each.partition("/")[0] == name)))
    root.set("time", f"{record.seconds:.3f}")
    for element in (*suites.values(), root):
        for word, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
            element.set(word, str(len(list(element.iter(tag)))))
        element.set("errors", "0")
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _add_result(case: Element, seen: dict[str, Any], violations: list[dict[str, Any]], missed: bool) -> None:
    """Adds the result of one outcome. JUnit readers show one failure per case, so one failure lists all violations."""
    if violations:
        failure = SubElement(case, "failure", type="violation", message=_printable(violations[0]["rule"]))
        failure.text = _printable("\n\n".join(map(_text, violations)))
    elif missed:
        SubElement(case, "failure", type="not covered", message=_printable(seen.get("reason", "not covered")))
    elif seen["verdict"] in (BLOCKED, NOT_COVERED):
        SubElement(case, "skipped", message=_printable(seen.get("reason", "not covered")))


def _text(finding: dict[str, Any]) -> str:
    lines = [finding["rule"], f"got {finding['got']}: {finding['reply']}", finding["reason"]]
    return "\n".join(lines + [f"{number}. {curl}" for number, curl in enumerate(finding["curl"], 1)])


def _printable(text: str) -> str:
    """The text with the characters that XML 1.0 forbids replaced by U+FFFD."""
    return "".join(each if each in "\n\t" or (each >= " " and each not in "\ufffe\uffff") else "\ufffd" for each in text)
