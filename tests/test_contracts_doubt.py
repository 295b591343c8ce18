"""A state that is unsure since a reply was lost: nobody is accused, and what does not depend on it is judged as before."""

from __future__ import annotations

import json
import random
import time

import pytest
from family_servers import FORGETFUL, WORLD, mutated

import openapi
from contracts.http.wire import Reply, request_for
from contracts.judge.clock import Clock
from contracts.judge.doubt import MOST_ROWS, Doubt
from contracts.judge.oracle import Oracle
from contracts.judge.verdict import VERIFIED, VIOLATION

CONTRACT = openapi.load()
DAY = 86_400_000
ALICE, BOB = {"token": "demo-token-alice", "pk": "p11pLZ"}, {"token": "demo-token-bob", "pk": "p11pLZ"}


class Exchange:
    """A server without a network, and the oracle that judges it. Its clock stands still."""

    def __init__(self, contract=CONTRACT):
        self.contract, self.now, self.random = contract, time.time_ns() // 1_000_000, random.Random(0)
        world = openapi.load_world(WORLD, contract, self.now, {})
        self.state = world.state
        expected = openapi.load_world(WORLD, CONTRACT, self.now, {})
        self.oracle = Oracle(CONTRACT, expected, Clock(expected, self.now, 0))

    def send(self, operation, raw, lost=False, carried_out=True):
        """The judgement on a request; of a lost one the server may not know either."""
        served = self.contract.operations[operation]
        request = request_for(CONTRACT.operations[operation], raw)
        decision = openapi.decide(served, raw, self.state, self.now, self.random)
        if carried_out:
            self.state = decision.state
        if lost:
            return self.oracle.judge_lost_reply(request, self.now, self.now, "no reply: ReadTimeoutError")
        body = self.contract.envelope.body(decision.rule.code, decision.rule.message("zh"), decision.data)
        reply = Reply(200, {"content-type": "application/json"}, json.dumps(body).encode(), self.now, self.now)
        return self.oracle.judge(request, reply)

    def share(self, dk, hours=1, **options):
        return self.send("shareInfo", ALICE | {"dk": dk, "acceptingExpireAt": str(self.now + hours * 3_600_000)}, **options)


@pytest.mark.parametrize("carried_out", [True, False])
def test_after_a_lost_reply_both_states_are_possible(carried_out):
    exchange = Exchange()
    exchange.share("D001", lost=True, carried_out=carried_out)
    accepted = exchange.send("userDeviceList", ALICE)
    assert accepted.verdict.kind == VERIFIED
    assert len(exchange.oracle.possible) == 2
    assert exchange.share("D001").verdict.kind == VERIFIED
    assert exchange.send("deviceShareUserList", ALICE | {"dk": "D001"}).verdict.kind == VERIFIED


def test_many_lost_replies_accuse_nobody_and_leave_other_rows_certain():
    exchange = Exchange()
    lost = random.Random(1)
    for number in range(3 * MOST_ROWS):
        away = lost.random() < 0.5
        judged = exchange.share(
            ("D001", "D002", "D006")[number % 3], 1 + number % 5, lost=away, carried_out=lost.random() < 0.5 or not away
        )
        assert away or judged.verdict.kind != VIOLATION
        assert exchange.send("deviceShareUserList", ALICE | {"dk": "D001"}).verdict.kind != VIOLATION
    assert exchange.send("userDeviceList", BOB | {"token": "nobody"}).verdict.got == "userDeviceList/5032"
    wrong = Reply(
        200, {"content-type": "application/json"}, b'{"code": 200, "msg": "ok", "data": []}', exchange.now, exchange.now
    )
    request = request_for(CONTRACT.operations["userDeviceList"], {"token": "nobody"})
    assert exchange.oracle.judge(request, wrong).verdict.kind == VIOLATION


def test_lost_replies_about_other_rows_hide_no_violation():
    exchange = Exchange(mutated(FORGETFUL["code-accepted-twice"]))
    accept = {"token": "demo-token-bob", "shareCode": exchange.share("D001").minted["shareCode"]}
    for number in range(2 * MOST_ROWS):
        exchange.share("D002", 1 + number, lost=True)
    assert exchange.send("shareDevice", accept).verdict.kind == VERIFIED
    assert exchange.send("shareDevice", accept).verdict.kind == VIOLATION


@pytest.mark.parametrize("rows", [MOST_ROWS - 1, MOST_ROWS])  # the offer that they replace is one more
def test_with_too_many_doubtful_rows_the_whole_table_is_doubtful(rows):
    exchange, doubt = Exchange(), Doubt()
    before = exchange.state
    code = exchange.share("D001").minted["shareCode"]
    certain = exchange.state
    for number in range(rows):
        exchange.share("D002", 1 + number)
    doubt.drop(certain, [exchange.state])
    accept = openapi.permitted(
        CONTRACT.operations["shareDevice"], {"token": "demo-token-bob", "shareCode": code}, exchange.state, exchange.now
    )
    assert ("share" in doubt.touched(accept)) is (rows == MOST_ROWS)
    left = doubt.certain(exchange.state)
    assert len(left.table("shares")) == (0 if rows == MOST_ROWS else len(certain.table("shares")) - 1)
    assert left.table("devices").items() == before.table("devices").items()
    doubt.clear()
    assert doubt.touched(accept) == {}


def test_an_effect_on_a_row_whose_key_only_the_server_knows_is_followed():
    here = WORLD.parent
    contract = openapi.load(here.parent / "articles.yaml")
    world = openapi.load_world(here / "articles.yaml", contract, 10**12, {})
    oracle = Oracle(contract, world, Clock(world, 10**12, 0))
    ada = {"token": "demo-token-ada"}
    published = request_for(contract.operations["publish"], {**ada, "title": "New", "text": "x"})
    oracle.judge(published, Reply(500, {}, b"", 10**12, 10**12))
    failed = oracle.judge(request_for(contract.operations["feed"], ada), Reply(500, {}, b"", 10**12, 10**12))
    assert failed.verdict.kind == VIOLATION
