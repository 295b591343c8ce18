"""Violations by their cause: what failing requests have in common and passing ones have not."""

from __future__ import annotations

import time

import pytest
from wrong_servers import CONTRACT, WORLD, serving

import openapi
from contracts import Manners, Plan, Target, examine
from contracts.http.wire import request_for
from contracts.judge.causes import Causes

OPERATION = CONTRACT.operations["shareInfo"]
CAUSES = {
    "http-500-on-emoji": "with a parameter with characters beyond U+FFFF, such as emoji",
    "http-500-on-non-ascii-dk": "with dk that is not ASCII",
    "http-500-on-repeated-parameters": "with a repeated parameter",
    "get-instead-of-post": "for shareInfo",
    "http-401-for-tokens": "that get HTTP 401",
    "expired-token-accepted": "with token=demo-token-expired",
}


@pytest.mark.parametrize("name", CAUSES)
def test_what_failing_requests_share_is_named(name):
    contract = CONTRACT.only("shareInfo")
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    with serving(name) as base:
        record = examine(contract, world, Target(base, Manners(most_requests=2000)), Plan(breadth=False, walks=4))
    [(cause, findings)] = record.grouped()
    assert cause.sentence == f"the failing requests are those {CAUSES[name]}"
    assert cause.failed >= 3
    assert findings == record.found("violation")


class Counting:
    """Causes, and a short way to count requests."""

    def __init__(self):
        self.causes = Causes()

    def count(self, raw, key=None, row=1, second=0.0, status=200):
        counted = self.causes.count(request_for(OPERATION, raw), OPERATION, raw, row, status)
        if key is not None:
            self.causes.fail(counted, (key,), second)


def sentences(counting, *keys):
    return [(each.sentence, each.keys) for each in counting.causes.of([(key,) for key in keys])]


def test_one_cause_of_two_rules_is_one():
    counting = Counting()
    for number in range(10):
        counting.count({"pk": "a", "dk": str(number % 2)}, "one" if number % 2 else None, row=1)
        counting.count({"pk": "b", "dk": str(number % 2)}, "two" if number % 2 else None, row=2)
    assert sentences(counting, "one", "two") == [("the failing requests are those with dk=1", (("one",), ("two",)))]


def test_what_passing_requests_have_too_is_no_cause():
    counting = Counting()
    for number in range(20):
        counting.count({"pk": "a", "dk": "x"}, "one" if number % 2 else None)
    assert sentences(counting, "one") == [("", (("one",),))]


def test_a_short_time_in_which_everything_fails_is_a_cause():
    counting = Counting()
    for number in range(100):
        failed = 40 <= number < 60
        counting.count({"pk": "ab"[number % 2]}, ("one", "two")[number % 2] if failed else None, second=number / 10)
    [(sentence, keys)] = sentences(counting, "one", "two")
    assert sentence == "the failing requests are those between second 4.0 and 5.9 of the run"
    assert len(keys) == 2


def test_few_requests_are_no_cause():
    counting = Counting()
    for number in range(20):
        counting.count({"pk": str(number)}, "one" if number == 7 else None)
    assert sentences(counting, "one") == [("", (("one",),))]


def test_random_values_are_no_traits_without_end():
    counting = Counting()
    for number in range(1000):
        counting.count({"pk": f"pk-{number}"})
    values = [value for kind, value in counting.causes._total.all if kind == "value"]
    assert len(values) == 200
