"""Times that a world states relative to now: a server may count them from its last reset, or from its beginning."""

from __future__ import annotations

import json

import pytest

import openapi
from contracts import Oracle, Reply, Request
from contracts.judge.clock import Clock
from contracts.judge.serial import judge_together
from contracts.judge.verdict import VERIFIED, VIOLATION

CONTRACT = openapi.load()
HOUR, BEGAN = 3_600_000, 1_900_000_000_000
WORLD = """
sessions: [{token: bob, uid: B}]
users: [{uid: A}, {uid: B}]
devices: [{pk: p11pLZ, dk: D1, owner: A}]
shares: [{shareCode: share_dv_1, pk: p11pLZ, dk: D1, sharer: A, acceptingExpireAt: now + 1h, sharingExpireAt: now + 30d}]
"""
REDEEM = Request(
    "shareDevice",
    "POST",
    "/v2/binding/enduserapi/shareDevice",
    (("shareCode", "share_dv_1"),),
    (("Authorization", "bob"),),
)


def oracle(clock="", reset_at=BEGAN + 2 * HOUR):
    """An oracle whose world was read at BEGAN, of a server that was reset later."""
    world = openapi.read_world(openapi.parse_document(WORLD + clock, "world.yaml"), CONTRACT, BEGAN, {})
    found = Oracle(CONTRACT, world, Clock(world, BEGAN))
    if reset_at is not None:
        found.restart(reset_at)
    return found


def reply(code, at=BEGAN + 2 * HOUR + 1000):
    """A reply to a code that is redeemed two hours after the beginning."""
    rule = next(each for each in CONTRACT.operations["shareDevice"].rules if each.code == code)
    body = {"code": code, "msg": rule.message("zh"), "data": None, "extMsg": ""}
    return Reply(200, {}, json.dumps(body).encode(), at, at + 5)


def judged(oracle, code):
    """The kind of the verdict on such a reply."""
    return oracle.judge(REDEEM, reply(code)).verdict.kind


@pytest.mark.parametrize("code", [200, 5137])
def test_after_a_reset_both_ways_to_count_are_right(code):
    assert judged(oracle(), code) == VERIFIED


@pytest.mark.parametrize(("reset_at", "code"), [(BEGAN + 2 * HOUR, 5151), (None, 200), (BEGAN + HOUR // 2, 5151)])
def test_what_neither_way_explains_is_wrong(reset_at, code):
    assert judged(oracle(reset_at=reset_at), code) == VIOLATION


def test_when_a_server_was_reset_is_known_no_better_than_its_clock():
    ends = [row["acceptingExpireAt"] for each in oracle().possible_anew() for row in each.state.rows("shares")]
    assert sorted(ends) == [BEGAN + 3 * HOUR + error for error in (-1000, 0, 1000)]
    assert oracle(reset_at=None).possible_anew() == []


def test_a_clock_that_stands_still_counts_in_one_way():
    assert judged(oracle("clock: {now: 2030-01-01T00:00:00Z, frozen: true}"), 200) == VERIFIED
    assert judged(oracle("clock: {now: 2030-01-01T00:00:00Z, frozen: true}"), 5137) == VIOLATION


def test_the_server_stays_as_it_was_seen_to_count():
    it = oracle()
    assert judged(it, 200) == VERIFIED
    assert judged(it, 5049) == VERIFIED


@pytest.mark.parametrize(("codes", "wrong"), [((200, 5049), False), ((5137, 5137), False), ((200, 200), True)])
def test_requests_at_the_same_time_may_be_explained_by_both_ways(codes, wrong):
    found = judge_together(oracle(), [(REDEEM, reply(code)) for code in codes])
    kinds = {each.verdict.kind for each in found.judgements}
    assert (VIOLATION in kinds) is wrong and (found.verdict is not None) is wrong
