"""The suite: it reports wrong servers with the violated rule, and does not report a correct one."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from wrong_servers import WORLD, serving

import openapi
from contracts import Manners, Oracle, Plan, Reply, Request, Target, examine
from contracts.cli.main import main
from contracts.judge.clock import Clock

CONTRACT = openapi.load().only("shareInfo")
SEEDS = range(10)


def examined(server, world_file=WORLD, contract=CONTRACT, most_requests=100_000, **options):
    world = openapi.load_world(world_file, contract, time.time_ns() // 1_000_000, {})
    with serving(server) as base:
        return examine(contract, world, Target(base, Manners(most_requests=most_requests)), Plan(**options))


def test_every_documented_outcome_of_a_right_server_is_verified():
    record = examined("correct", breadth=False, walks=8)
    assert record.exit_code() == 0
    assert [record.verdict(each) for each in record.outcomes] == ["verified"] * 12


def test_an_outcome_that_the_world_cannot_reach_is_blocked_with_the_reason(tmp_path):
    file = tmp_path / "world.yaml"
    file.write_text("sessions: [{token: demo-token-alice, uid: C10000001}]\ndevices: [{pk: p11pLZ, dk: D001, owner: C10000001}]")
    record = examined("correct", file, breadth=False)
    assert record.verdict("shareInfo/5360") == "blocked"
    assert "!device.verified" in record.blocked["shareInfo/5360"]


def test_the_reports_agree_and_hold_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("ALICE", "demo-token-alice")
    world, as_json, junit = (tmp_path / name for name in ("world.yaml", "out.json", "out.xml"))
    world.write_text(WORLD.read_text().replace("demo-token-alice", "'${ALICE}'"))
    with serving("anybodys-device-accepted") as base:
        options = [
            "--target",
            base,
            "--world",
            str(world),
            "--json",
            str(as_json),
            "--junit",
            str(junit),
            "--no-breadth",
            "--max-requests",
            "2000",
            "--operation",
            "shareInfo",
        ]
        result = CliRunner().invoke(main, ["verify", *options])
    assert result.exit_code == 1
    report = json.loads(as_json.read_text())
    assert {"requests", "seconds", "outcomes", "violations"} <= set(report)
    assert {"operation", "rule", "steps", "reply", "curl"} <= set(report["violations"][0])
    assert "Authorization: " in report["violations"][0]["curl"][0]
    assert len(list(ElementTree.parse(junit).iter("testcase"))) == 12
    for text in (result.output, as_json.read_text(), junit.read_text()):
        assert "demo-token-alice" not in text


def test_too_few_requests_are_never_green():
    world = openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})
    with serving("correct") as base:
        assert examine(CONTRACT, world, Target(base, Manners(most_requests=5)), Plan(breadth=False)).exit_code() == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--target", "http://127.0.0.1:9", "--world", str(WORLD)], "does not answer"),
        (["verify", "--target", "nonsense", "--world", str(WORLD)], "is not a URL"),
        (["verify", "--target", "http://127.0.0.1:9", "--world", "nowhere.yaml"], "nowhere.yaml:1: cannot be read"),
        (["lint", "nowhere.yaml"], "nowhere.yaml:1: cannot be read"),
    ],
)
def test_unusable_input_is_a_sentence_and_exit_code_2(arguments, message):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_lint_and_explain_speak_of_the_contract():
    assert "no problems in 10 operations" in CliRunner().invoke(main, ["lint", CONTRACT.file]).output
    assert "shareInfo/5360" in CliRunner().invoke(main, ["explain", CONTRACT.file]).output


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"\xef\xbb\xbf" + b'{"code":5106,"msg":""}', "reply body"),
        (b'{"code":5106,"msg":""} trailing', "reply body"),
        (b'{"code":5106}', "reply schema"),
        (b'{"code":5106,"msg":"","data":"leaked"}', "reply schema: /data"),
        (b'{"code":null,"msg":""}', "reply schema"),
        (b"[]", "reply schema"),
    ],
)
def test_a_broken_envelope_is_a_violation(body, rule):
    world = openapi.load_world(WORLD, CONTRACT, 1_760_000_000_000, {})
    operation = CONTRACT.operations["shareInfo"]
    request = Request(operation.name, operation.method, operation.path)
    verdict = Oracle(CONTRACT, world).judge(request, Reply(200, {}, body, world.now, world.now)).verdict
    assert verdict.kind == "violation"
    assert verdict.rule.startswith(rule)


@pytest.mark.parametrize(
    ("world_ahead", "date_ahead", "expected"),
    [(-5, -600_000, -600_000), (4_000_000_000, 0, 4_000_000_000)],
    ids=["server behind", "world in the future, date of a proxy"],
)
def test_the_date_of_replies_tells_the_clock_of_a_server_unless_its_world_has_another(world_ahead, date_ahead, expected):
    ours = 1_800_000_000_000
    clock = Clock(openapi.load_world(WORLD, CONTRACT, ours + world_ahead, {}), ours, tolerance=0)
    clock.read(Reply(200, {"date": formatdate((ours + date_ahead) / 1000, usegmt=True)}, b"", ours, ours))
    assert abs(clock.now(ours) - ours - expected) <= 1000
