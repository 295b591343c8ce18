"""Requests at the same moment: some order of them explains what a correct server does, and not what a wrong one does."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from racing_servers import RACING, SAFE, serving
from wrong_servers import RESET, WORLD

import openapi
from contracts import Manners, Oracle, Plan, Reply, Target, examine
from contracts.cli.main import main
from contracts.http.wire import request_for, request_from_data
from contracts.judge.journal import LostReply
from contracts.judge.serial import judge_together
from contracts.run.examination import open_session
from contracts.sequence.sequence import bursts, without_step
from mockserver import Mock, Origin, create_app
from mockserver.http.server import Server, listen

CONTRACT = openapi.load()
CONTRACT_FOLDER = Path(openapi.__file__).parent
NOW = 1_800_000_000_000
OFFERED = "share_dv_C10000001d5f3c1d2a4b64c7e8f90a1b2c3d4e5f6"
DATABASE = os.environ.get("TEST_DATABASE", "")


def world(now=None):
    return openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000 if now is None else now, {})


def examined(base, contract=CONTRACT, reset=False, seed=0, **options):
    """A test run of nothing but races."""
    target = Target(base, Manners(reset=base + RESET if reset else None))
    return examine(contract, world(), target, Plan(seed=seed, workers=1, aim=False, breadth=False, walks=0, **options))


def raced(record, kind="violation"):
    return [each for each in record.found(kind) if any(step.at_once for step in each.steps)]


# Judging


def request(operation, user, **raw):
    return request_for(CONTRACT.operations[operation], {"token": f"demo-token-{user}", **raw})


def reply(operation, code, sent=0, received=10, data=None):
    message = next(rule.message("zh") for rule in CONTRACT.operations[operation].rules if rule.code == code)
    body = json.dumps({"code": code, "msg": message, "data": data, "extMsg": ""}).encode()
    return Reply(200, {"content-type": "application/json"}, body, NOW + sent, NOW + received)


def together(*sent):
    oracle = Oracle(CONTRACT, world(NOW))
    return judge_together(oracle, sent), oracle


CANCEL, REDEEM = request("ownerUserUnshareDevice", "alice", shareCode=OFFERED), request("shareDevice", "bob", shareCode=OFFERED)
CANCELLED, REDEEMED = reply("ownerUserUnshareDevice", 200), reply("shareDevice", 200)


def test_some_order_explains_the_replies_whatever_it_is():
    for sent in ([(REDEEM, REDEEMED), (CANCEL, CANCELLED)], [(CANCEL, CANCELLED), (REDEEM, REDEEMED)]):
        judged, _ = together(*sent)
        assert (judged.verdict, {each.verdict.kind for each in judged.judgements}) == (None, {"verified"})
    judged, _ = together((CANCEL, CANCELLED), (REDEEM, reply("shareDevice", 5137)))
    assert judged.verdict is None


def test_where_one_excludes_the_other_both_cannot_succeed():
    judged, _ = together((CANCEL, CANCELLED), (CANCEL, CANCELLED))
    assert judged.verdict.kind == "violation"
    assert "where one succeeds, the other is refused" in judged.verdict.rule
    assert "share.cancelled is True" in judged.verdict.reason
    judged, _ = together(*[(CANCEL, CANCELLED)], *[(CANCEL, reply("ownerUserUnshareDevice", 5142))] * 5)
    assert judged.verdict is None


def test_a_request_that_was_answered_before_another_was_sent_comes_first():
    redeemed = reply("shareDevice", 200, 20, 30)
    judged, _ = together((CANCEL, CANCELLED), (REDEEM, redeemed))
    assert judged.verdict.kind == "violation"
    assert "shareDevice" in judged.verdict.rule


def test_an_assumption_that_is_broken_only_by_a_race_is_a_note():
    other = request("shareDevice", "carol", shareCode=OFFERED)
    judged, _ = together((REDEEM, REDEEMED), (other, REDEEMED))
    assert judged.verdict.kind == "note"
    assert "(assumed: a share has one recipient" in judged.verdict.detail


def test_a_lost_reply_may_have_been_carried_out_or_not():
    lost = LostReply("no reply: timeout", NOW, NOW + 10)
    for answer in (REDEEMED, reply("shareDevice", 5137)):
        judged, _ = together((CANCEL, lost), (REDEEM, answer))
        assert (judged.verdict, judged.judgements[1].verdict.kind) == (None, "verified")
    judged, _ = together((CANCEL, lost), (CANCEL, CANCELLED), (CANCEL, CANCELLED))
    assert judged.verdict.kind == "violation"


def test_the_place_of_a_refusal_in_an_order_tells_nothing_of_how_requests_are_read():
    """A refusal fits in where another reading explains it, and may fit in later by the usual one."""
    blank = request("shareInfo", "alice", pk="p11pLZ", dk="D001", acceptingExpireAt=" ")
    judged, oracle = together((blank, reply("shareInfo", 5145)), (CANCEL, CANCELLED))
    assert judged.verdict is None
    assert [each.choices for each in oracle.possible] == [()]


def test_each_order_that_fits_is_a_possible_state():
    minted = [f"share_dv_C10000001{each * 32}" for each in "ab"]
    share = request("shareInfo", "alice", pk="p11pLZ", dk="D001", acceptingExpireAt=str(NOW + 3_600_000))
    judged, oracle = together(*((share, reply("shareInfo", 200, data=code)) for code in minted))
    standing = [{row["shareCode"] for row in state.rows("shares") if not row["replaced"]} for state in oracle.states]
    assert judged.verdict is None
    assert sorted(sorted(each & set(minted)) for each in standing) == [[minted[0]], [minted[1]]]
    same, _ = together(*((share, reply("shareInfo", 200, data=minted[0])) for _ in minted))
    assert "each gets a shareCode of its own" in same.verdict.rule


# Sequences


def test_a_burst_stays_a_burst_in_files_in_curl_lines_and_without_its_first_step():
    with serving("locked") as base:
        session = open_session(CONTRACT, world(), Target(base), Plan())
        sequence = session.new_sequence()
        share = request("shareInfo", "alice", pk="p11pLZ", dk="D001", acceptingExpireAt=str(session.now() + 3_600_000))
        judged, verdict, _ = session.bursts.run(sequence, [share, replace(share, at_once=True)])
        redeem = request("shareDevice", "bob", shareCode=judged[1].minted["shareCode"])
        session.bursts.follow(sequence, redeem, session.send(redeem))
    steps = [request_from_data(each.as_data()) for each in sequence.abstract()]
    assert verdict is None
    assert [each.at_once for each in steps] == [False, True, False]
    assert [len(group) for group in bursts(steps)] == [2, 1]
    first, second, last = sequence.curls(base, {})
    assert first.endswith(" &")
    assert second.endswith(" > 2.json & wait; shareCode2=$(jq -r '.data' 2.json)")
    assert "shareCode=${shareCode2}" in last
    assert [each.at_once for each in without_step(steps, 0)] == [False, False]


# Servers


@pytest.mark.parametrize("name", RACING)
def test_a_race_is_caught(name):
    with serving(name) as base:
        record = examined(base, reset=True, stop_early=True, races=200)
    [found] = raced(record)
    assert re.fullmatch(r"\d+ of 10 repetitions", found.often)


@pytest.mark.parametrize("name", SAFE)
def test_a_correct_server_is_not_accused(name):
    with serving(name) as base:
        record = examined(base)
    assert record.found("violation") == raced(record, "note") == []


def test_a_server_that_asks_to_slow_down_gets_pauses():
    with serving("one-at-a-time") as base:
        record = examined(base, races=2)
    assert record.pauses > 0
    assert record.found("violation") == []


@pytest.mark.parametrize("name", ["device-sharing", "library", "parcel-lockers"])
def test_the_mock_is_not_accused(name):
    contract = openapi.load(CONTRACT_FOLDER / f"{name}.yaml")
    file = CONTRACT_FOLDER / "worlds" / f"{'demo' if name == 'device-sharing' else name}.yaml"
    server = Server(create_app(Mock(contract, Origin(openapi.read_document(file)))), listen("127.0.0.1", 0), threads=16)
    try:
        expected = openapi.load_world(file, contract, time.time_ns() // 1_000_000, {})
        record = examine(contract, expected, Target(server.url), Plan(breadth=False, walks=4, races=12))
    finally:
        server.stop()
    assert record.found("violation") == raced(record, "note") == []


def test_where_the_server_can_be_reset_the_shortest_sequence_is_shown_and_how_often_it_fails():
    with serving("check-then-act") as base:
        record = examined(base, reset=True, stop_early=True)
        found = raced(record)[0]
    assert len(found.steps) <= 4
    assert re.fullmatch(r"\d+ of 10 repetitions", found.often)
    assert "then this:" in found.verdict.reason
    assert "ms: HTTP 200" in found.reply


def test_a_code_that_two_redeem_is_a_note_because_nobody_documents_that_it_serves_once():
    contract = CONTRACT.only("shareInfo", "shareDevice")
    with serving("check-then-act") as base:
        record = examined(base, contract, reset=True, races=8)
    assert any("(assumed: a share has one recipient" in each.verdict.detail for each in raced(record, "note"))


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_a_race_is_replayed_from_its_file(tmp_path):
    options = ["--world", WORLD, "--no-breadth", "--walks", 0, "--quiet", "--fail-fast"]
    operations = ["--operation", "shareInfo", "--operation", "ownerUserUnshareDevice"]
    with serving("check-then-act") as base:
        arguments = ["--target", base, "--reset", base + RESET, *options, *operations]
        result = run("verify", *arguments, "--failures", tmp_path)
    [file] = tmp_path.iterdir()
    with serving("check-then-act") as base:
        again = run("replay", file, "--target", base, "--world", WORLD, "--reset", base + RESET)
    assert result.exit_code == again.exit_code == 1, result.output + again.output
    assert "of 10 repetitions" in result.output
    assert again.output.startswith("still fails: ownerUserUnshareDevice at the same time as others")
    with serving("locked") as base:
        passes = run("replay", file, "--target", base, "--world", WORLD, "--reset", base + RESET)
    assert passes.exit_code == 0
    assert passes.output.startswith("passes now: 20 times got ownerUserUnshareDevice/")


@pytest.mark.parametrize("options", [["--no-races"], ["--workers", 1]])
def test_without_races_no_requests_compete(options, monkeypatch):
    monkeypatch.setattr("contracts.run.burst.Bursts.run", lambda *given: pytest.fail("a burst was sent"))
    arguments = ["--world", WORLD, "--operation", "shareInfo", "--no-breadth", "--walks", 1, "--max-requests", 300, "--quiet"]
    with serving("locked") as base:
        result = run("verify", "--target", base, *arguments, *options)
    assert result.exit_code in (0, 3), result.output


def test_fuzzing_finds_races_where_the_server_can_be_reset(tmp_path):
    report = tmp_path / "report.json"
    operations = ["--operation", "shareInfo", "--operation", "ownerUserUnshareDevice"]
    with serving("check-then-act") as base:
        limits = ["--max-requests", 3000, "--fail-fast", "--quiet", "--json", report]
        run("fuzz", "--target", base, "--world", WORLD, "--reset", base + RESET, *operations, *limits)
    [found, *_] = json.loads(report.read_text())["violations"]
    assert found["often"]
    assert any(step.get("at_once") for step in found["steps"])


# A backend on PostgreSQL

needs_database = pytest.mark.skipif(not DATABASE, reason="TEST_DATABASE is not set; .ci/run starts a PostgreSQL")


@needs_database
def test_a_backend_without_locks_is_caught():
    from postgres_backend import CONTRACT, serving

    with serving(DATABASE, locked=False) as base:
        record = examined(base, CONTRACT, stop_early=True)
    assert raced(record)


@needs_database
@pytest.mark.parametrize("processes", [pytest.param(1, marks=pytest.mark.thorough), 2])
def test_a_backend_that_locks_what_it_decides_on_is_not_accused(processes):
    from postgres_backend import CONTRACT, serving

    with serving(DATABASE, locked=True, processes=processes) as base:
        record = examine(CONTRACT, world(), Target(base), Plan(breadth=False, walks=4))
    assert record.found("violation") == raced(record, "note") == []
    assert all(record.cases[each] for each in record.successes)
