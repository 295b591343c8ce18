"""The cost of a decision and of a request, counted in instructions instead of seconds. Bounds are 20 % above the current cost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import openapi
from bench._cost import instructions
from mockserver import Bounds, Mock, Origin, create_app

NOW = 1_760_000_000_000
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
LATER = {"acceptingExpireAt": str(NOW + 1000), "sharingExpireAt": str(NOW + 2000)}
ALICE = {"token": "Bearer demo-token-alice", "pk": "p11pLZ", "dk": "D001", **LATER}


@pytest.fixture(scope="module")
def contract():
    return openapi.load()


@pytest.fixture(scope="module")
def share_info(contract):
    return contract.operations["shareInfo"]


@pytest.fixture(scope="module")
def state(contract):
    return openapi.load_world(WORLD, contract, NOW, {}).state


def with_shares(state, number, devices, until=NOW + 1000):
    """A state with so many shares, valid until a time, on so many devices of Alice."""
    columns = state.tables["shares"]
    for each in range(number):
        device = {"pk": "p11pLZ", "dk": "D001" if devices == 1 else f"many{each % devices}"}
        values = {"shareCode": f"s{each}", "sharer": "C10000001", "acceptingExpireAt": until, **device}
        state = state.insert("shares", columns.row(values))
    return state


def cost(operation, raw, state):
    decision = openapi.decide(operation, raw, state, NOW, random.Random(1))
    return decision.rule.code, instructions(lambda: openapi.decide(operation, raw, state, NOW, random.Random(1)))


@pytest.mark.parametrize(
    ("changes", "code", "most"),
    [
        ({}, 200, 2700),
        ({"token": None}, 5106, 510),
        ({"pk": None}, 5066, 830),
        ({"coverMark": "4"}, 5133, 1070),
        ({"dk": "D004"}, 5135, 1900),
    ],
)
def test_a_decision_stays_cheap(share_info, state, changes, code, most):
    raw = {name: value for name, value in (ALICE | changes).items() if value is not None}
    found, spent = cost(share_info, raw, state)
    assert found == code
    assert spent <= most


@pytest.mark.parametrize("devices", [1, 100])
def test_a_decision_costs_the_same_with_many_shares_as_with_few(share_info, state, devices):
    raw = ALICE | {"coverMark": "2"}
    few, many = (cost(share_info, raw, with_shares(state, number, devices)) for number in (2, 20_000))
    assert few == many


def test_a_decision_that_replaces_what_stands_costs_the_same_above_many_shares_that_are_over(share_info, state):
    def replacing(number):
        after = openapi.decide(share_info, ALICE, state, NOW, random.Random(2)).state  # the oldest share
        after = with_shares(after, number, 1, until=NOW)
        for seed in (3, 4):
            after = openapi.decide(share_info, ALICE, after, NOW, random.Random(seed)).state
        return cost(share_info, ALICE, after)

    assert replacing(2) == replacing(20_000)


def test_decisions_leave_nothing_to_the_collector():
    """In a process of its own, because threads of other tests leave something too."""
    script = """
import gc, random, openapi
contract, now = openapi.load(), 10**12
state = openapi.load_world(openapi.demo_world(), contract, now, {}).state
operation, chance = contract.operations["shareInfo"], random.Random(5)
raw = {"token": "demo-token-alice", "pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(now + 1000)}
gc.collect()
gc.disable()
for _ in range(2000):
    decision = openapi.decide(operation, raw, state, now, chance)
    state = decision.state
print(decision.outcome, gc.collect())
"""
    outcome, left = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert outcome == "shareInfo/200"
    assert int(left) < 10


def test_a_request_costs_little_more_than_its_decision(contract):
    app = create_app(Mock(contract, Origin(openapi.read_document(WORLD), os.environ), Bounds()))
    query = "pk=p11pLZ&dk=D001&acceptingExpireAt=4102444800000"
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/v2/binding/enduserapi/shareInfo",
        "QUERY_STRING": query,
        "HTTP_AUTHORIZATION": "Bearer demo-token-alice",
    }
    bodies = []

    def request():
        bodies.append(b"".join(app.wsgi_app(dict(environ), lambda status, headers: None)))

    request()
    assert instructions(request) <= 3750
    assert b'"code": 200' in bodies[-1]


def test_the_mock_loads_nothing_that_it_does_not_need():
    heavy = ("schemathesis", "hypothesis", "pytest", "_pytest", "jsonschema", "requests", "typer", "cel.cli")
    code = "import sys, openapi, mockserver.cli.main; openapi.load(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not set(heavy) & set(loaded)
    assert "cel.cel" in loaded
