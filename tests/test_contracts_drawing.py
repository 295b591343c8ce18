"""The generator of requests with Hypothesis as the source of choices, which can shrink failures."""

from __future__ import annotations

import random

from family_servers import WORLD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import openapi
from contracts.generate.choices import Drawn
from contracts.generate.draw import Drawer, KnownRows
from contracts.judge.views import own_view

CONTRACT = openapi.load()
NOW = 1_800_000_000_000
STATE = openapi.load_world(WORLD, CONTRACT, NOW, {}).state
KNOWN = KnownRows.of(STATE, NOW)
DRAWERS = [Drawer(each, STATE, NOW) for each in CONTRACT.operations.values()]


@st.composite
def requests(draw):
    choices = Drawn(draw)
    drawer = choices.choose(DRAWERS)
    return drawer.operation, drawer.request(drawer.raw(KNOWN, NOW, choices), choices)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests())
def test_what_the_mock_answers_is_permitted(drawn):
    operation, request = drawn
    raw = own_view(operation, request).raw
    decision = openapi.decide(operation, raw, STATE, NOW, random.Random(1))
    assert decision.outcome in openapi.permitted(operation, raw, STATE, NOW).outcomes
