"""The reports: all have the same content, work without the project, and contain no secret."""

from __future__ import annotations

import json
import time
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from family_servers import FORGETFUL, WORLD, mutated, serving

import contracts
import openapi
from contracts import Plan, Target, examine
from contracts.cli.main import main
from contracts.http.wire import Reply
from contracts.judge.record import Finding
from contracts.report.data import as_data
from contracts.report.html import write_html

SCHEMA = json.loads((Path(contracts.__file__).parent / "report" / "report.schema.json").read_text())
NASTY = "<script>alert(1)</script>\"'&{{ 7 * 7 }}\x00"


@pytest.fixture(scope="module")
def examined():
    contract = openapi.load()
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    with serving(mutated(FORGETFUL["replaced-code-still-accepted"])) as base:
        return contract, examine(contract, world, Target(base), Plan(breadth=False, stop_early=True))


def test_the_json_is_what_its_schema_says(examined):
    data = as_data(examined[1])
    jsonschema.validate(data, SCHEMA)
    assert data["violations"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data | {"exit_code": 4}, SCHEMA)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action")]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_shows_the_matrix_the_tables_and_the_failure_and_asks_nothing_from_elsewhere(examined, tmp_path):
    contract, record = examined
    write_html(record, contract, str(tmp_path / "report.html"))
    page = Page((tmp_path / "report.html").read_text())
    text = " ".join(page.texts)
    finding = as_data(record)["violations"][0]
    assert finding["rule"] in text
    assert all(curl in text for curl in finding["curl"])
    assert all(outcome in text for outcome in record.outcomes)
    assert all(rule.condition in text for operation in contract.operations.values() for rule in operation.rules)
    assert page.tags.count("svg") == len(set(record.outcomes) & set(record.replies))
    assert page.addresses == []
    assert "script" not in page.tags


def test_what_a_server_says_is_text_on_the_page(examined, tmp_path):
    contract, record = examined
    key, finding = next(iter(record.findings.items()))
    nasty = Finding(finding.verdict, finding.steps, [NASTY], NASTY, finding.size)
    record.findings[key] = nasty
    try:
        write_html(record, contract, str(tmp_path / "report.html"))
    finally:
        record.findings[key] = finding
    text = (tmp_path / "report.html").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7 * 7 }}" in text


def test_a_planted_secret_is_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("ALICE", "demo-token-alice")
    world = tmp_path / "world.yaml"
    world.write_text(WORLD.read_text().replace("demo-token-alice", "'${ALICE}'"))
    reports = {name: str(tmp_path / f"report.{name}") for name in ("json", "html", "junit")}
    options = [word for name, file in reports.items() for word in (f"--{name}", file)]
    with serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
        result = CliRunner().invoke(
            main, ["verify", "--target", base, "--world", str(world), "--no-breadth", "--max-requests", "3000", *options]
        )
    assert result.exit_code == 1
    texts = [result.output, *(Path(file).read_text() for file in reports.values())]
    assert all("${ALICE}" in text for text in texts)
    assert not any("demo-token-alice" in text for text in texts)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"msg": "分享"}'.encode(), 'HTTP 200 {"msg": "分享"}'),
        (bytes(range(256)), "HTTP 200 (256 bytes that are no text)"),
        (b"", "HTTP 200 "),
    ],
)
def test_a_reply_that_is_no_text_is_not_printed(body, text):
    assert Reply(200, {}, body).text() == text


def test_the_slowest_operation_is_named(examined):
    slowest = as_data(examined[1])["latency"]["slowest"]
    assert slowest["operation"] in examined[0].operations
    assert slowest["milliseconds"] is None or slowest["milliseconds"] > 0
