"""What a decision and a request cost, counted in instructions, so that no clock is asked. A bound leaves a fifth of room."""

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


def with_shares(state, number, devices):
    """The state with so many shares that stand, on so many devices of Alice's."""
    columns = state.tables["shares"].columns
    for each in range(number):
        device = {"pk": "p11pLZ", "dk": "D001" if devices == 1 else f"many{each % devices}"}
        values = {"shareCode": f"s{each}", "sharer": "C10000001", "acceptingExpireAt": NOW + 1000, **device}
        state = state.insert("shares", columns.row(values))
    return state


def cost(operation, raw, state):
    decision = openapi.decide(operation, raw, state, NOW, random.Random(1))
    return decision.rule.code, instructions(lambda: openapi.decide(operation, raw, state, NOW, random.Random(1)))


@pytest.mark.parametrize(
    ("changes", "code", "most"),
    [
        ({}, 200, 3500),
        ({"token": None}, 5106, 600),
        ({"pk": None}, 5066, 850),
        ({"coverMark": "4"}, 5133, 1150),
        ({"dk": "D004"}, 5135, 1950),
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
    assert instructions(request) <= 5200
    assert b'"code": 200' in bodies[-1]


def test_the_mock_loads_nothing_that_it_does_not_need():
    heavy = ("schemathesis", "hypothesis", "pytest", "_pytest", "jsonschema", "requests", "typer", "cel.cli")
    code = "import sys, openapi, mockserver._cli; openapi.load(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not set(heavy) & set(loaded)
    assert "cel.cel" in loaded
