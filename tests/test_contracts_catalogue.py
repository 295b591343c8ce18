"""The catalogue of servers: every wrong one is reported with the violated rule, no correct one is reported."""

from __future__ import annotations

import time

import pytest
from family_servers import FORGETFUL
from wrong_servers import ALWAYS_ENGLISH, CONTRACT, CORRECT, HABITS, HALF, RESET, WORLD, WRONG, serving

import openapi
from contracts import Manners, Plan, Target, examine
from contracts.judge.record import ISOLATED

SEEDS = range(4)
"""Of the runs against a right server; the later ones are for thorough runs."""
LONG = ("emoji-of-a-name-cut", "new-name-for-every-recipient")
"""Forgetful servers that need sequences which take long to find; others of their kind are found sooner."""
LONGEST = 6
"""The most steps of a sequence that a person can follow."""


def operations(entry):
    """The outcomes in which correct servers may differ."""
    return {entry.change.operation, "shareDevice", "deviceShareUserList"} if entry.change and entry.whole else set()


def examined(name, entry, most_requests=20_000, resets=False, **options):
    contract = CONTRACT if entry.whole and entry.says else CONTRACT.only(*{"shareInfo", *operations(entry)})
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    with serving(name) as base:
        manners = Manners(most_requests=most_requests, reset=base + RESET if resets else None)
        return examine(contract, world, Target(base, manners), Plan(breadth=False, **options))


@pytest.mark.parametrize("name", [name for name, entry in WRONG.items() if not entry.whole])
def test_a_wrong_server_is_caught_by_the_rule_that_it_breaks(name):
    record = examined(name, WRONG[name], stop_early=True, undocumented=True, walks=0)
    [found] = record.found("violation")
    assert WRONG[name].says in found.verdict.sentence
    assert record.exit_code() == 1


@pytest.mark.parametrize("name", [pytest.param(each, marks=[pytest.mark.thorough] if each in LONG else ()) for each in FORGETFUL])
def test_a_forgetful_server_is_caught_by_a_short_sequence_that_holds_the_request_which_it_forgot(name):
    record = examined(name, WRONG[name], resets=True, stop_early=True, aim=False, walks=800)
    [found] = record.found("violation")
    assert record.exit_code() == 1
    assert found.rank == ISOLATED
    assert len(found.steps) <= LONGEST
    assert WRONG[name].change.operation in {step.operation for step in found.steps[:-1]}


def test_a_refusal_that_changes_something_is_in_the_sequence_that_shows_it():
    record = examined(HALF, WRONG[HALF], resets=True, stop_early=True, aim=False, walks=800)
    [found] = record.found("violation")
    assert found.rank == ISOLATED
    assert len(found.steps) <= LONGEST
    assert [step.operation for step in found.steps[:-1]].count("shareInfo") >= 2


@pytest.mark.parametrize("seeds", [SEEDS[:2], pytest.param(SEEDS[2:], marks=pytest.mark.thorough)], ids=str)
@pytest.mark.parametrize("name", CORRECT)
def test_a_right_server_is_not_accused(name, seeds):
    # A habit has a whole run of its own below.
    for seed in seeds[1:] if name.removeprefix("correct-") in HABITS else seeds:
        record = examined(name, CORRECT[name], seed=seed, undocumented=True, walks=20, most_requests=150 if seed else 1000)
        assert record.found("violation") == []
        assert record.cases


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_of_reading_is_noted(name):
    entry, words = HABITS[name]
    record = examined(f"correct-{name}", entry, walks=0)
    assert record.found("violation") == []
    assert any(f"this server {words}" in each.verdict.rule for each in record.found("note")), record.found("note")
    assert record.lacking() == []


def test_messages_in_another_language_are_noted_once():
    record = examined(ALWAYS_ENGLISH, CORRECT[ALWAYS_ENGLISH], walks=0, most_requests=100)
    notes = [each.verdict for each in record.found("note") if "language" in each.verdict.rule]
    assert [each.got for each in notes] == ["a message in en"]
    record = examined("correct", CORRECT["correct"], walks=0, most_requests=100)
    assert {each.verdict.got for each in record.found("note") if "language" in each.verdict.rule} == {"a message in zh"}


def test_the_catalogue_is_large_enough_to_say_something():
    assert len(WRONG) >= 45
    assert len(CORRECT) >= 12
