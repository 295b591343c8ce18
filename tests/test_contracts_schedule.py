"""Requests at the same time: only those that do not affect one another, with the same verdicts as one after the other."""

from __future__ import annotations

import os
import signal
import time
from itertools import combinations

import pytest
from click.testing import CliRunner
from family_servers import FORGETFUL, WORLD, Change, mutated, serving

import openapi
from contracts import Manners, Plan, Target, examine
from contracts.cli.main import main
from contracts.http.target import RunEnded, Turns
from contracts.http.wire import request_for
from contracts.judge.oracle import Oracle
from contracts.run import examination
from contracts.run.examination import open_session
from contracts.run.session import Session
from mockserver.client import Client

CONTRACT = openapi.load()
NOW = 1_800_000_000_000
ALICE = {"token": "demo-token-alice", "pk": "p11pLZ", "acceptingExpireAt": str(NOW + 3_600_000)}
BOB = {"token": "demo-token-bob", "pk": "p11pLZ", "acceptingExpireAt": str(NOW + 3_600_000)}


def world():
    return openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})


def footprint(operation, raw):
    oracle = Oracle(CONTRACT, openapi.load_world(WORLD, CONTRACT, NOW, {}))
    return openapi.footprint(oracle.views(request_for(CONTRACT.operations[operation], raw), NOW, NOW))


def examined(server=CONTRACT, most_requests=3000, clock=False, contract=CONTRACT, **options):
    with serving(server) as base:
        manners = Manners(most_requests=most_requests, clock=f"{base}/_mock/worlds/default/clock" if clock else None)
        return examine(contract, world(), Target(base, manners), Plan(breadth=False, **options))


@pytest.mark.parametrize(
    ("one", "two", "meet"),
    [
        (("shareInfo", ALICE | {"dk": "D001"}), ("shareInfo", ALICE | {"dk": "D001"}), True),
        (("shareInfo", ALICE | {"dk": "D001"}), ("shareInfo", ALICE | {"dk": "D002"}), False),
        (("shareInfo", ALICE | {"dk": "D001"}), ("shareInfo", BOB | {"dk": "D004"}), False),
        (("shareInfo", ALICE | {"dk": "D001"}), ("deviceShareUserList", ALICE | {"dk": "D001"}), True),
        (("shareInfo", ALICE | {"dk": "D001"}), ("deviceShareUserList", ALICE | {"dk": "D002"}), False),
        (("deviceShareUserList", ALICE | {"dk": "D001"}), ("deviceShareUserList", ALICE | {"dk": "D001"}), False),
        (("shareInfo", ALICE | {"dk": "D999"}), ("shareInfo", ALICE | {"dk": "D999"}), False),
    ],
    ids=["same device", "other device", "other caller", "list of it", "list of another", "two lists", "two refusals"],
)
def test_requests_meet_where_one_may_change_what_the_other_reads(one, two, meet):
    assert footprint(*one).meets(footprint(*two)) is meet
    assert footprint(*two).meets(footprint(*one)) is meet


def test_requests_that_meet_are_never_sent_at_once(monkeypatch):
    sizes = []

    def together(self, steps, send=Session.together):
        found = [self.footprint(request) for _, request in steps]
        assert not any(one.meets(two) for one, two in combinations(found, 2))
        sizes.append(len(steps))
        return send(self, steps)

    monkeypatch.setattr(Session, "together", together)
    record = examined(workers=8, walks=16, aim=False, most_requests=600)
    assert record.found("violation") == []
    assert max(sizes) > 2


def test_a_right_server_is_not_accused_by_parallel_requests():
    record = examined(workers=8, walks=8, most_requests=2000)
    assert record.found("violation") == []
    assert sum(record.verdict(each) == "verified" for each in record.outcomes) > 60


def test_a_wrong_change_is_found_by_walks_side_by_side():
    record = examined(mutated(FORGETFUL["replaced-code-still-accepted"]), workers=8, aim=False, stop_early=True)
    [found] = record.found("violation")
    seen_by = ("deviceShareUserList/200", "shareDevice/5137", "ownerUserUnshareDevice/5142", "shareUserUnshareDevice/5142")
    assert found.verdict.outcome in seen_by


@pytest.mark.parametrize(("latency", "workers"), [(0, 1), (2, 1), (4, 2), (20, 10), (50, 24), (1000, 24)])
def test_parallelism_follows_from_the_latency(latency, workers):
    session = open_session(CONTRACT, world(), Target("http://127.0.0.1:9"), Plan())
    session.latencies.extend([latency] * 5)
    session.choose_workers()
    assert session.workers == workers


def test_a_stated_number_of_workers_is_kept():
    session = open_session(CONTRACT, world(), Target("http://127.0.0.1:9"), Plan(workers=3))
    session.latencies.extend([1000] * 5)
    session.choose_workers()
    assert session.workers == 3


def test_each_operation_has_succeeded_before_half_of_a_budget_is_spent():
    record = examined(most_requests=2200)
    assert all(record.cases[outcome] for outcome in record.successes)


EXPIRED = "share.acceptingExpireAt <= now"


@pytest.mark.parametrize(
    ("change", "found"),
    [(None, set()), (EXPIRED.replace("<=", "<"), {"shareDevice/200"}), (f"{EXPIRED} + 1", {"shareDevice/5137"})],
    ids=["right", "1 ms late", "1 ms early"],
)
def test_on_a_clock_that_can_be_set_a_millisecond_counts(change, found):
    server = CONTRACT if change is None else mutated(Change("shareDevice", EXPIRED, change))
    record = examined(server, clock=True, contract=CONTRACT.only("shareInfo", "shareDevice"), aim=False, walks=2)
    assert record.gone == ""
    assert {each.verdict.got for each in record.found("violation")} == found


def test_a_run_that_ends_while_the_clock_stands_lets_it_run_again():
    contract = CONTRACT.only("shareInfo", "shareDevice")
    with serving(CONTRACT) as base, Client(base) as client:
        target = Target(base, Manners(clock=f"{base}/_mock/worlds/default/clock"), Turns(most=1))
        session = open_session(contract, world(), target, Plan(workers=1))
        session.stop_clock(session.now() + 60_000)
        assert client.call("GET", "/worlds/default/clock")["mode"] == "frozen"
        with pytest.raises(RunEnded):
            session.stop_clock(session.now() + 1)
        session.release_clock()
        assert client.call("GET", "/worlds/default/clock")["mode"] != "frozen"


def test_a_clock_that_cannot_be_set_is_a_sentence():
    with serving(CONTRACT) as base:
        options = [
            "--target",
            base,
            "--world",
            str(WORLD),
            "--no-breadth",
            "--walks",
            "1",
            "--quiet",
            "--operation",
            "userDeviceList",
        ]
        result = CliRunner().invoke(main, ["verify", *options, "--clock", f"{base}/nowhere"])
    assert result.exit_code == 2
    assert f"{base}/nowhere answers HTTP 404; a PATCH of" in result.output


def test_a_slow_reply_is_a_violation_where_a_limit_is_stated():
    with serving(CONTRACT) as base:
        with Client(base) as client:
            client.world().faults.add(operation="userDeviceList", delay=150)
        options = ["--target", base, "--world", str(WORLD), "--no-breadth", "--walks", "1", "--quiet"]
        some = ["--operation", "userDeviceList", "--operation", "deviceInfo", "--max-requests", "80"]
        slow = CliRunner().invoke(main, ["verify", *options, *some, "--slower-than", "100ms"])
        patient = CliRunner().invoke(main, ["verify", *options, *some])
    assert slow.exit_code == 1
    assert "every reply comes within 100 ms (--slower-than)" in slow.output
    assert "the failing requests are those for userDeviceList" in slow.output
    assert "--slower-than" not in patient.output


@pytest.mark.parametrize("moment", ["while a failure is shrunk", "while requests are generated"])
def test_one_interrupt_ends_a_run_with_its_report(moment, monkeypatch, tmp_path):
    def interrupted(call):
        def interrupt(*arguments, **options):
            os.kill(os.getpid(), signal.SIGINT)
            return call(*arguments, **options)

        return interrupt

    if moment == "while a failure is shrunk":
        server = mutated(FORGETFUL["new-end-forgotten"])
        monkeypatch.setattr(Session, "repeat", interrupted(Session.repeat))
    else:
        server = CONTRACT
        monkeypatch.setattr(examination, "broad", interrupted(examination.broad))
    report = tmp_path / "report.json"
    with serving(server) as base:
        options = ["--target", base, "--world", str(WORLD), "--quiet", "--json", str(report), "--walks", "2"]
        result = CliRunner().invoke(main, ["verify", *options])
    assert result.exit_code == (1 if server is not CONTRACT else 3 if "Too little" in result.output else 0), result.output
    assert "documented outcomes verified" in result.output
    assert report.exists()
