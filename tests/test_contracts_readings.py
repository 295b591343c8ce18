"""How a server reads requests: what the contract states is demanded, the rest is learnt from replies."""

from __future__ import annotations

import json
import time
from random import Random

import pytest
import wrong_servers
from wrong_servers import CONTRACT, WORLD, Entry, serving

import openapi
from contracts import Manners, Oracle, Plan, Reply, Target, examine
from contracts.generate.transport import Transport
from contracts.http.wire import request_for
from contracts.judge.possible import Possible
from contracts.judge.views import View, own_view, views

SHARE = CONTRACT.operations["shareInfo"]
NOW = 1_760_000_000_000
LATER = str(NOW + 3_600_000)
RAW = {"token": "demo-token-alice", "pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": LATER}


@pytest.fixture
def oracle():
    return Oracle(CONTRACT, openapi.load_world(WORLD, CONTRACT, NOW, {}))


def verdict(oracle, code, data=None, **raw):
    body = json.dumps({"code": code, "msg": "", "data": data}).encode()
    reply = Reply(200, {"content-type": "application/json"}, body, NOW, NOW)
    return oracle.judge(request_for(SHARE, RAW | raw), reply)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("acceptingExpireAt", f"+{LATER}", 200),
        ("acceptingExpireAt", f"0{LATER}", 5145),
        ("acceptingExpireAt", f"{LATER}.0", 200),
        ("acceptingExpireAt", f"{LATER}e0", 200),
        ("acceptingExpireAt", f" {LATER} ", 200),
        ("acceptingExpireAt", " ", 5145),
        ("acceptingExpireAt", "null", 5132),
        ("dk", " ", 5135),
        ("dk", "", 5135),
        ("dk", "undefined", 5067),
    ],
)
def test_what_the_contract_does_not_say_is_permitted_and_learnt(oracle, name, text, code):
    judged = verdict(oracle, code, "share_dv_1" if code == 200 else None, **{name: text})
    assert judged.verdict.kind == "verified"
    assert len(judged.readings) == 1
    assert "this server" in oracle.readings.sentence(judged.readings[0])[0]


@pytest.mark.parametrize("text", ["1.5", "0x10", "1_000", "1,000", "--1", "abc"])
def test_a_number_that_loses_or_invents_a_value_is_a_violation(oracle, text):
    assert verdict(oracle, 200, "share_dv_1", acceptingExpireAt=text).verdict.kind == "violation"


def test_one_parameter_is_read_in_one_way(oracle):
    plus = f"+{LATER}"
    assert verdict(oracle, 200, "share_dv_1", acceptingExpireAt=plus).verdict.kind == "verified"
    again = verdict(oracle, 5145, acceptingExpireAt=plus).verdict
    assert (again.kind, again.rule) == ("violation", "one server reads plus in one way")
    assert verdict(oracle, 5145, sharingExpireAt=f"+{LATER}0").verdict.kind == "verified"  # another parameter, another way


def test_a_documented_reading_is_demanded(oracle):
    assert verdict(oracle, 5135, dk="unknown").verdict.kind == "verified"
    found = verdict(oracle, 200, "share_dv_1", dk="d001").verdict
    assert found.kind == "violation"
    assert found.rule.startswith("x-readings: case: exact [")
    assert "without regard to case" in found.detail


def test_a_key_that_may_not_be_looked_at_is_not_one_that_is_compared_without_case(oracle):
    assert "missing: device" in verdict(oracle, 200, "share_dv_1", dk="d001").verdict.rule


@pytest.mark.parametrize(
    ("text", "code", "left"),
    [
        (" {}", 200, ("trimmed", "leading")),
        ("{} ", 200, ("trimmed", "trailing")),
        (" {} ", 5145, ("kept", "leading", "trailing")),
    ],
)
def test_white_space_may_be_cut_on_one_side(oracle, text, code, left):
    judged = verdict(oracle, code, "share_dv_1" if code == 200 else None, acceptingExpireAt=text.format(LATER))
    assert judged.verdict.kind == "verified"
    assert oracle.readings.allowed("padding", "shareInfo", "acceptingExpireAt", openapi.KINDS["padding"]) == left


def stating(tmp_path, line):
    """The contract that states one more reading."""
    file = tmp_path / "contract.yaml"
    text = (WORLD.parent.parent / "device-sharing.yaml").read_text()
    file.write_text(text.replace("x-readings:\n", f"x-readings:\n{line}\n"))
    return openapi.load(file)


def test_a_contract_may_state_another_reading_than_the_mocks_and_the_mock_follows(tmp_path):
    contract = stating(tmp_path, "  plus: number")
    state, raw = openapi.load_world(WORLD, contract, NOW, {}).state, RAW | {"acceptingExpireAt": f"+{LATER}"}
    outcomes = [openapi.decide(each, raw, state, NOW, Random(0)).outcome for each in (contract.operations["shareInfo"], SHARE)]
    assert outcomes == ["shareInfo/200", "shareInfo/5145"]


@pytest.mark.parametrize("line", ["  plus: perhaps", "  pluss: number", "  plus: {is: number}", "  plus: {assumed: x}"])
def test_a_reading_that_is_none_gets_a_sentence(tmp_path, line):
    with pytest.raises(openapi.ContractError) as found:
        stating(tmp_path, line)
    assert "contract.yaml:" in str(found.value)


def test_an_ordinary_request_is_read_in_one_way(oracle):
    request = request_for(SHARE, RAW)
    oracle.readings.pin("prefix", "optional")
    assert len(list(views(SHARE, request, oracle.readings.allowed))) == 1
    assert own_view(SHARE, request).raw == RAW


def examined(entry, monkeypatch, **transport):
    contract = CONTRACT.only("shareInfo")
    monkeypatch.setitem(wrong_servers.CATALOGUE, "habit", entry)
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    with serving("habit") as base:
        plan = Plan(breadth=False, walks=0, transport=Transport(**transport))
        return examine(contract, world, Target(base, Manners(most_requests=500)), plan)


def test_all_ways_to_send_parameters_may_be_demanded(monkeypatch):
    assert examined(Entry(form="never"), monkeypatch).found("violation") == []
    assert examined(Entry(form="never"), monkeypatch, parameters="all").found("violation") != []
    notes = examined(Entry(form="404"), monkeypatch, parameters="query").found("note")
    assert not any("form" in each.verdict.rule for each in notes)


def test_all_ways_to_send_a_credential_may_be_demanded(monkeypatch):
    bare = wrong_servers.HABITS["verbatim-credential"][0]
    assert examined(bare, monkeypatch).found("violation") == []
    assert examined(bare, monkeypatch, credential="bare").found("violation") == []
    assert examined(bare, monkeypatch, credential="all").found("violation") != []


def test_a_state_remembers_the_readings_that_led_to_it(oracle):
    empty, blank = ("empty", "shareInfo", "authKey"), ("blank", "shareInfo", "authKey")
    found = [View({"option": option}, choices=((*empty, option),)) for option in ("missing", "value")]
    other = View({}, choices=((*blank, "value"),))
    possible = Possible(oracle.state, ((*empty, "value"),))
    assert list(possible.views(found)) == found[1:]
    assert [each.choices for each in possible.views([other])] == [((*blank, "value"), (*empty, "value"))]
    assert list(possible.views(found[:1])) == found[:1]  # it reads otherwise now
    assert list(Possible(oracle.state).views(found)) == found


def test_a_reading_that_no_reply_shows_makes_two_states_and_no_more(oracle):
    for number in range(5):
        judged = verdict(oracle, 200, f"share_dv_{number}", authKey="").verdict
        assert judged.kind == "verified"
    assert len(oracle.possible) == 2
    assert {each.choices for each in oracle.possible} == {
        (("empty", "shareInfo", "authKey", "missing"),),
        (("empty", "shareInfo", "authKey", "value"),),
    }
