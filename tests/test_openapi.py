"""The package `openapi`: decisions, state, and the errors of loading."""

from __future__ import annotations

import random
from pathlib import Path
from threading import Thread

import pytest

import openapi
from openapi.parameters.parameter import MISSING, UNREADABLE, reader
from openapi.state.state import Index

NOW = 1_760_000_000_000
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
CONTRACT = Path(openapi.__file__).parent / "device-sharing.yaml"
ALICE = {"token": "Bearer demo-token-alice", "pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(NOW + 1000)}


@pytest.fixture(scope="module")
def contract():
    return openapi.load()


@pytest.fixture(scope="module")
def share_info(contract):
    return contract.operations["shareInfo"]


@pytest.fixture
def state(contract):
    return openapi.load_world(WORLD, contract, NOW, {}).state


def decide(operation, raw, state, now=NOW):
    return openapi.decide(operation, raw, state, now, random.Random(1))


def test_every_documented_outcome_has_a_witness_in_the_demo_world(share_info, state):
    found = openapi.witnesses(share_info, state, NOW)
    assert list(found) == list(share_info.outcomes)
    assert len(found) == 12
    for outcome, raw in found.items():
        assert decide(share_info, raw, state).outcome == outcome


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 200),
        ({"token": None}, 5106),
        ({"token": "Bearer "}, 5106),
        ({"token": "nobody"}, 5032),
        ({"token": "demo-token-expired"}, 5032),
        ({"token": "demo-token-alice"}, 200),
        ({"pk": None}, 5066),
        ({"pk": "  "}, 5066),
        ({"dk": ""}, 5067),
        ({"acceptingExpireAt": None}, 5132),
        ({"acceptingExpireAt": "soon"}, 5145),
        ({"acceptingExpireAt": "-1"}, 5145),
        ({"acceptingExpireAt": "9223372036854775808"}, 5145),
        ({"acceptingExpireAt": str(NOW - 1)}, 200),
        ({"coverMark": "0"}, 5133),
        ({"coverMark": "4"}, 5133),
        ({"coverMark": "4294967297"}, 5133),
        ({"coverMark": "two"}, 5133),
        ({"sharingExpireAt": str(NOW + 1000)}, 5153),
        ({"sharingExpireAt": str(NOW + 1001)}, 200),
        ({"sharingExpireAt": "0"}, 5153),
        ({"dk": "unknown"}, 5135),
        ({"dk": "D004"}, 5135),
        ({"pk": "p22qMA", "dk": "D005"}, 5360),
        ({"dk": "D002", "coverMark": "3", "sharingExpireAt": str(NOW + 2000)}, 5134),
        ({"dk": "D002", "coverMark": "3"}, 200),
    ],
)
def test_a_request_gets_the_code_of_its_row(share_info, state, changes, code):
    raw = {name: value for name, value in (ALICE | changes).items() if value is not None}
    assert decide(share_info, raw, state).rule.code == code


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"token": None, "pk": None}, {5106, 5066, 5134}),
        ({"acceptingExpireAt": str(NOW - 1)}, {200, 5145, 5134}),
        ({"acceptingExpireAt": "-1"}, {200, 5145, 5134}),
        ({"coverMark": "4"}, {5133, 5134}),
        ({"coverMark": "four"}, {5133, 5145, 5134}),
        ({"sharingExpireAt": "0"}, {200, 5145, 5153, 5134}),
        ({"dk": "unknown"}, {5135, 5134}),
        ({"dk": "D004"}, {5135, 200, 5134}),
    ],
)
def test_a_server_may_give_every_outcome_whose_row_holds(share_info, state, changes, allowed):
    raw = {name: value for name, value in (ALICE | changes).items() if value is not None}
    assert {rule.code for rule in openapi.permitted(share_info, raw, state, NOW).rules} == allowed


@pytest.mark.parametrize("text", ["1.5", "0x10", "1_000", " 12", "１２", "1e3", "NaN", "+1", "9223372036854775808", "9" * 5000])
def test_a_text_that_is_not_decimal_digits_is_unreadable_as_an_integer(text):
    assert reader({"type": "integer", "format": "int64"})(text) is UNREADABLE


def test_a_decimal_text_is_an_integer_and_a_blank_one_is_missing():
    read = reader({"type": "integer", "format": "int64"})
    assert [read("-12"), read("007"), read("9223372036854775807")] == [-12, 7, 2**63 - 1]
    assert read(" ") is MISSING and read("") is MISSING and read(None) is MISSING


@pytest.mark.parametrize(("cover_mark", "standing"), [("1", 1), ("2", 2), ("3", 1)])
def test_cover_mark_says_how_many_shares_stand(share_info, state, cover_mark, standing):
    raw = ALICE | {"dk": "D002", "coverMark": cover_mark}
    decision = decide(share_info, raw, state)
    rows = [row for row in decision.state.rows("shares") if row["dk"] == "D002" and not row["replaced"]]
    assert decision.rule.code == 200
    assert len(rows) == standing


def test_a_state_never_changes(share_info, state):
    before = state.snapshot()
    after = decide(share_info, ALICE, state).state
    assert state.snapshot() == before != after.snapshot()


def test_an_effect_that_fails_changes_nothing(share_info, state):
    first = decide(share_info, ALICE, state)
    before = first.state.snapshot()
    with pytest.raises(openapi.ExecutionError, match="already has a row"):
        decide(share_info, ALICE, first.state)  # the same generator mints the same code again, after one effect has succeeded
    assert first.state.snapshot() == before
    another = Thread(target=first.state.delete, args=("shares", first.changes[-1].after), daemon=True)
    another.start()
    another.join(10)
    assert not another.is_alive()


def test_the_reasons_name_each_row_and_hide_the_token(share_info, state):
    reasons = decide(share_info, ALICE | {"dk": "D004"}, state).reasons()
    assert reasons[-1].startswith("shareInfo/5135: when: device.owner != caller.uid && received.recipient == caller.uid holds")
    assert "alice" not in " ".join(reasons)


def test_an_examiner_binds_the_minted_code_from_the_reply(share_info, state):
    seen = openapi.permitted(share_info, ALICE, state, NOW)
    after = seen.accept(share_info.success, "a-code").state
    assert any(row["shareCode"] == "a-code" for row in after.rows("shares"))
    with pytest.raises(openapi.ExecutionError):
        openapi.permitted(share_info, ALICE, after, NOW).accept(share_info.success, "a-code")


def test_an_index_stays_right_while_rows_come_and_go(contract, state):
    table = contract.tables["shares"]
    chance, rows = random.Random(3), {}
    for number in range(2000):
        if rows and chance.random() < 0.5:
            key = chance.choice(sorted(rows))
            if chance.random() < 0.5:
                state = state.delete("shares", rows.pop(key))
            else:
                values = table.named(rows[key])
                after = table.row(values | {"replaced": not values["replaced"]})
                state = state.replace("shares", rows[key], after)
                rows[key] = after
        else:
            values = {"shareCode": f"s{number:05}", "pk": "a", "dk": "b", "sharer": "c", "acceptingExpireAt": 1}
            rows[values["shareCode"]] = table.row(values)
            state = state.insert("shares", rows[values["shareCode"]])
        index = table.indexes.index(Index(("pk", "dk", "sharer"), (("replaced", False), ("cancelled", False))))
        found = list(state.matching("shares", index, ("a", "b", "c")))
        expected = [row for row in rows.values() if not table.named(row)["replaced"]]
        assert sorted(found) == sorted(expected)


BROKEN = {
    "misspelt key": ("missing: caller", "mising: caller", "unknown key mising .did you mean missing"),
    "unknown name": (
        "when: sharingExpireAt < 0",
        "when: sharingExpiresAt < 0",
        "unknown name sharingExpiresAt .did you mean sharingExpireAt",
    ),
    "unknown column": (
        "device.owner != caller.uid}",
        "device.owners != caller.uid}",
        "device has no column owners .did you mean owner",
    ),
    "unknown table": ("{find: devices,", "{find: device,", "unknown table device .did you mean devices"),
    "no row for a missing parameter": ("  - {code: 5067, missing: dk}\n", "", "dk is required, and no row says"),
    "no row for a malformed parameter": ("malformed: coverMark", "missing: pk", "coverMark is constrained, and no row says"),
    "code without a row": ("5153, 5360]", "5153, 5360, 5999]", "lists code 5999, and no row gives it"),
    "row without a code": ("5153, 5360]", "5153]", "does not list code 5360"),
    "not CEL": ("'!device.verified'", "'!device.verified &&'", "is not CEL"),
    "mixed types": ("acceptingExpireAt < 0,", "acceptingExpireAt < 'a',", "mixes types"),
    "two successes": ("when: '!device.verified'", "msg: {zh: a, en: b}", "always holds, so no later row is reached"),
    "no message": ("'5360': {zh", "'5361': {zh", "5360 has no message"),
    "no English": (", en: Please enter token}", "}", "has no text in en"),
    "effect on an unknown column": ("set: {replaced: true, ", "set: {replace: true, ", "shares has no column replace"),
    "key twice": ("operationId: shareInfo", "operationId: shareInfo\n      operationId: b", "duplicate key operationId"),
    "outside reference": ("'#/components/schemas/Shared'", "'http://example.com/a'", "leads to the network"),
    "not YAML": ("info:", "info: [", "is not YAML"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_contract_is_refused_with_file_and_line(tmp_path, name):
    old, new, message = BROKEN[name]
    text = CONTRACT.read_text()
    assert old in text
    file = tmp_path / "broken.yaml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(openapi.ContractError, match=rf"broken\.yaml:\d+: .*{message}"):
        openapi.load(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('sessions: [{token: "${NOT_THERE}", uid: a}]', "NOT_THERE. is not in the environment"),
        ("sesions: []", "unknown table sesions .did you mean sessions"),
        ("devices: [{pk: a, dk: b, ower: c}]", "devices has no column ower .did you mean owner"),
        ("devices: [{pk: a, dk: b}]", "the row has no owner"),
        ("devices: [{pk: a, dk: b, owner: c}, {pk: a, dk: b, owner: d}]", "another row of devices has the same pk, dk"),
        ("sessions: [{token: a, uid: b, expiresAt: tomorrow}]", "'tomorrow' is not a time"),
        ("sessions: {token: a}", "sessions is not a list of rows"),
    ],
)
def test_a_broken_world_is_refused_with_file_and_line(tmp_path, contract, text, message):
    file = tmp_path / "world.yaml"
    file.write_text(text)
    with pytest.raises(openapi.WorldError, match=rf"world\.yaml:\d+: .*{message}"):
        openapi.load_world(file, contract, NOW, {})


def test_a_world_takes_secrets_from_the_environment_and_times_from_now(tmp_path, contract):
    file = tmp_path / "world.yaml"
    file.write_text("sessions: [{token: '${TOKEN}', uid: a, expiresAt: now + 2h}]")
    world = openapi.load_world(file, contract, NOW, {"TOKEN": "s3cret"})
    assert list(world.state.rows("sessions")) == [{"token": "s3cret", "uid": "a", "expiresAt": NOW + 7_200_000}]
    assert world.secrets == {"s3cret": "${TOKEN}"}


def test_a_secret_token_is_known_with_and_without_bearer(tmp_path, contract):
    file = tmp_path / "world.yaml"
    file.write_text("sessions: [{token: '${TOKEN}', uid: a}]")
    world = openapi.load_world(file, contract, NOW, {"TOKEN": "Bearer s3cret"})
    assert world.secrets == {"Bearer s3cret": "${TOKEN}", "s3cret": "${TOKEN}"}


def test_a_token_of_a_world_may_come_with_bearer_before_it(tmp_path, contract):
    file = tmp_path / "world.yaml"
    file.write_text("sessions: [{token: Bearer abc, uid: a}]")
    state = openapi.load_world(file, contract, NOW, {}).state
    assert decide(contract.operations["shareInfo"], {"token": "Bearer abc"}, state).rule.code == 5066


def test_the_contract_is_a_valid_openapi_document(contract):
    from openapi_spec_validator import validate

    validate(contract.document)
