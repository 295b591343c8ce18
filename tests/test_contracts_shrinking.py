"""Failures are shrunk, and shown as commands that a person can repeat."""

from __future__ import annotations

import time

import pytest
from click.testing import CliRunner
from family_servers import FORGETFUL, mutated
from family_servers import serving as serving_contract
from wrong_servers import CONTRACT, RESET, WORLD, serving

import openapi
from contracts import Manners, Plan, Target, examine
from contracts.cli.main import main
from contracts.http.wire import Request
from contracts.judge.record import ISOLATED
from contracts.run.examination import open_session
from contracts.sequence.shrink import shrink


def step(name, **query):
    return Request(name, "POST", f"/{name}", tuple(query.items()))


STEPS = [step(f"op{number}", a="1", b="2") for number in range(20)]


@pytest.mark.parametrize("culprits", [set(), {0}, {18}, {3, 7}, {0, 1, 2, 9, 17}])
def test_only_the_steps_stay_without_which_it_does_not_fail(culprits):
    wanted = {f"op{number}" for number in culprits}
    tried = []

    def fails(steps):
        tried.append(steps)
        return wanted <= {each.operation for each in steps[:-1]} and steps[-1].operation == "op19"

    short = shrink(STEPS, fails)
    assert [each.operation for each in short] == [*sorted(wanted, key=lambda name: int(name[2:])), "op19"]
    assert all(each.query == () for each in short)
    assert len(tried) < 120


def test_a_step_stays_whose_value_a_later_one_needs():
    steps = [step("make"), step("other"), step("look", code="${1.shareCode}")]
    short = shrink(steps, lambda steps: "shareCode" in str(steps[-1].query))
    assert [each.operation for each in short] == ["make", "look"]
    assert short[1].query == (("code", "${1.shareCode}"),)


def examined(base, **manners):
    world = openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})
    return examine(CONTRACT, world, Target(base, Manners(**manners)), Plan(breadth=False, aim=False, stop_early=True, walks=800))


def test_a_finding_shows_itself_again_on_another_server_of_the_same_kind():
    with serving("replaced-code-still-accepted") as base:
        [found] = examined(base, reset=base + RESET).found("violation")
    assert found.rank == ISOLATED
    assert "shareInfo" in {each.operation for each in found.steps[:-1]}
    world = openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})
    with serving("replaced-code-still-accepted") as base:
        _, verdict, _ = open_session(CONTRACT, world, Target(base), Plan()).repeat(found.steps)
    assert verdict.key == found.verdict.key
    with serving("correct") as base:
        _, verdict, _ = open_session(CONTRACT, world, Target(base), Plan()).repeat(found.steps)
    assert verdict.kind == "verified"


def test_without_a_reset_a_sequence_is_sought_that_uses_what_it_mints_itself():
    with serving_contract(mutated(FORGETFUL["new-name-forgotten"])) as base:
        [found] = examined(base).found("violation")
    assert found.rank == ISOLATED
    assert "changeShareDeviceName" in {each.operation for each in found.steps[:-1]}


@pytest.mark.thorough
def test_what_a_person_can_repeat_comes_before_what_may_follow_from_it():
    with serving_contract(mutated(FORGETFUL["replaced-code-still-accepted"])) as base:
        world = openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})
        record = examine(CONTRACT, world, Target(base), Plan(breadth=False, aim=False, walks=12))
    assert [each.rank for each in record.found("violation")] == sorted(each.rank for each in record.found("violation"))
    assert record.found("violation")


def test_a_reset_that_does_not_work_ends_the_run_and_the_record_says_so():
    with serving("correct") as base:
        record = examined(base, reset=f"{base}/nowhere")
    assert "answers HTTP 404; a POST to it should reset the server" in record.gone
    assert record.exit_code() == 2
    assert record.requests


def test_a_reset_that_does_not_work_is_a_sentence_of_the_command_line():
    with serving("correct") as base:
        options = ["--target", base, "--world", str(WORLD), "--operation", "shareInfo", "--reset", f"{base}/nowhere", "--quiet"]
        result = CliRunner().invoke(main, ["fuzz", *options, "--max-requests", "50"])
        walk = CliRunner().invoke(main, ["verify", *options, "--no-breadth", "--walks", "1"])
    for each in (result, walk):
        assert each.exit_code == 2
        assert "answers HTTP 404; a POST to it should reset the server" in each.output


def test_notes_are_shrunk_to_the_requests_that_they_need():
    """Another order of checks needs no earlier request: what happened to come before is left out."""
    contract = CONTRACT.only("shareInfo")
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    with serving("correct-reversed-order") as base:
        record = examine(contract, world, Target(base), Plan(breadth=False, aim=False, walks=20, seed=1))
    notes = record.found("note")
    assert len(notes) > 10
    assert {len(each.steps) for each in notes} == {1}
