"""Traffic of other clients: what is unknown accuses nobody, what is known is judged, and recordings can be used again."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import time
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console

import openapi
from contracts import Plan, Target, examine
from contracts.cli.main import main
from contracts.judge.verdict import UNEXPLAINED, VIOLATION
from contracts.report.matrix import Matrix, matrix
from contracts.traffic.exchange import Exchange
from contracts.traffic.groups import Groups, overlapping
from contracts.traffic.har import read_har, write_har
from contracts.traffic.judge import Traffic
from contracts.traffic.recording import Recording
from mockserver import running

FOLDER = Path(openapi.__file__).parent
CONTRACTS = {"library": "library", "parcel-lockers": "parcel-lockers", "device-sharing": "demo"}
SHARE = "/v2/binding/enduserapi/shareInfo"


def exchange(request, reply):
    """An exchange as a proxy would see it."""
    body, media = request.content()
    headers = (*request.headers, *((("Content-Type", media),) if media else ()))
    sent = (request.method, request.path, urlencode(request.query), headers, body or b"", reply.sent, reply.received)
    return Exchange(*sent, reply.status, tuple(reply.headers.items()), reply.body)


@cache
def recorded(name):
    """The time at which it began, and the exchanges of a run against the mock."""
    contract, file = openapi.load(FOLDER / f"{name}.yaml"), FOLDER / "worlds" / f"{CONTRACTS[name]}.yaml"
    found, send = [], Target.send

    def tapped(self, request):
        reply = send(self, request)
        found.append(exchange(request, reply))
        return reply

    now = time.time_ns() // 1_000_000
    with pytest.MonkeyPatch.context() as patch, running(FOLDER / f"{name}.yaml", file) as mock:
        patch.setattr(Target, "send", tapped)
        world = openapi.load_world(file, contract, now, os.environ)
        examine(contract, world, Target(mock.url), Plan(walks=10, breadth=False, workers=1, races=False))
    return now, found


def traffic_of(name, keep=None, **options):
    """A judge whose world has only rows that `keep` says."""
    contract, now = openapi.load(FOLDER / f"{name}.yaml"), recorded(name)[0]
    document = openapi.read_document(FOLDER / "worlds" / f"{CONTRACTS[name]}.yaml")
    if keep is not None:
        rows = {
            table: [row for row in found if keep(table, row)] for table, found in document.data.items() if isinstance(found, list)
        }
        document = replace(document, data=rows)
    return Traffic(contract, openapi.read_world(document, contract, now, os.environ), now, "http://server", **options)


def judged(traffic, exchanges):
    for each in exchanges:
        traffic.judge([each])
    return {kind: traffic.record.found(kind) for kind in (VIOLATION, UNEXPLAINED)}


@pytest.mark.parametrize("name", CONTRACTS)
def test_what_a_complete_world_says_is_verified(name):
    traffic = traffic_of(name, complete=openapi.load(FOLDER / f"{name}.yaml").tables)
    found = judged(traffic, recorded(name)[1])
    assert (found[VIOLATION], found[UNEXPLAINED], traffic.supposed) == ([], [], [])
    assert sum(traffic.record.cases.values()) == len(recorded(name)[1])


@pytest.mark.parametrize(
    ("share", "name"),
    [
        pytest.param(share, name, marks=pytest.mark.thorough if name == "device-sharing" and share != 0.4 else ())
        for share in (0.0, 0.4, 0.8)
        for name in CONTRACTS
    ],
)
def test_rows_that_a_world_does_not_have_accuse_nobody(share, name):
    for seed in range(2):
        chance = random.Random(seed)
        traffic = traffic_of(name, lambda table, row, chance=chance: chance.random() < share)
        assert judged(traffic, recorded(name)[1])[VIOLATION] == []
        assert sum(traffic.record.cases.values()) > len(recorded(name)[1]) / 2


def altered(each, change):
    """An exchange with another reply."""
    body = json.loads(each.reply_body)
    change(body)
    return replace(each, reply_body=json.dumps(body).encode())


def shares(code, **parameters):
    """The recorded exchanges of shareInfo with a code."""
    return [
        each
        for each in recorded("device-sharing")[1]
        if each.path == SHARE
        and json.loads(each.reply_body)["code"] == code
        and all(f"{k}={v}" in each.query for k, v in parameters.items())
    ]


def test_without_any_row_a_reply_that_no_row_explains_is_a_violation():
    wrong = altered(shares(5133)[0], lambda body: body.update(code=200, msg="", data="share_dv_x"))
    traffic = traffic_of("device-sharing", lambda table, row: False)
    [violation] = judged(traffic, [wrong])[VIOLATION]
    assert (violation.verdict.got, violation.verdict.kind) == ("shareInfo/200", VIOLATION)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda body: body.update(code=9999), "shareInfo/9999"),
        (lambda body: body.update(code="200"), "reply schema"),
        (lambda body: body.pop("msg"), "reply schema"),
        (lambda body: body.update(data=None), "reply schema"),
    ],
)
def test_without_any_row_a_reply_of_another_form_is_a_violation(change, sentence):
    traffic = traffic_of("device-sharing", lambda table, row: False)
    found = judged(traffic, [altered(shares(200)[0], change)])[VIOLATION]
    assert [sentence in f"{each.verdict.sentence} {each.verdict.got}" for each in found] == [True]


def test_a_known_row_is_enough_to_accuse_and_an_unknown_one_is_not():
    wrong = altered(shares(5360)[0], lambda body: body.update(code=200, msg="", data="share_dv_x"))
    known = traffic_of("device-sharing", lambda table, row: table in ("sessions", "devices"))
    unknown = traffic_of("device-sharing", lambda table, row: table == "sessions")
    assert [each.verdict.outcome for each in judged(known, [wrong])[VIOLATION]] == ["shareInfo/5360"]
    found = judged(unknown, [wrong])
    assert (found[VIOLATION], unknown.record.cases["shareInfo/200"]) == ([], 1)
    assert [table for table, _ in unknown.supposed] == ["devices"]


def _expires(each):
    parameters = parse_qsl(each.query) + parse_qsl(each.body.decode())
    return int(dict(parameters)["acceptingExpireAt"])


def test_what_the_server_invented_is_known_from_then_on():
    share = next(each for each in shares(200) if _expires(each) > each.received + 60_000)
    path, query = SHARE.replace("shareInfo", "ownerUserUnshareDevice"), f"shareCode={json.loads(share.reply_body)['data']}"
    body = json.dumps({"code": 5142, "msg": "gone", "data": None}).encode()
    times = {"sent": share.received + 1, "received": share.received + 2}
    gone = replace(share, method="DELETE", path=path, query=query, reply_body=body, **times)
    traffic = traffic_of("device-sharing", lambda table, row: table != "shares")
    assert [each.verdict.outcome for each in judged(traffic, [share, gone])[VIOLATION]] == ["ownerUserUnshareDevice/200"]
    assert judged(traffic_of("device-sharing", lambda table, row: table != "shares"), [gone])[VIOLATION] == []


@pytest.mark.parametrize("complete", [True, False])
def test_exchanges_that_overlap_are_judged_in_every_order(complete):
    found, send, now = [], Target.send, time.time_ns() // 1_000_000
    file = FOLDER / "worlds" / "library.yaml"
    contract = openapi.load(FOLDER / "library.yaml")

    def tapped(self, request):
        reply = send(self, request)
        found.append(exchange(request, reply))
        return reply

    world = openapi.load_world(file, contract, now, os.environ)
    with pytest.MonkeyPatch.context() as patch, running(FOLDER / "library.yaml", file) as mock:
        patch.setattr(Target, "send", tapped)
        record = examine(contract, world, Target(mock.url), Plan(walks=20, breadth=False, workers=8, races=False))
    traffic = Traffic(contract, world, now, "http://server", complete=contract.tables if complete else ())
    groups = list(overlapping(sorted(found, key=lambda each: each.sent)))
    for group in groups:
        traffic.judge(group)
    assert max(map(len, groups)) > 2
    assert (record.found(VIOLATION), traffic.record.found(VIOLATION)) == ([], [])
    assert traffic.record.requests == len(found)


def test_a_reply_that_did_not_come_leaves_the_state_open():
    share = shares(200)[0]
    lost = replace(share, status=0, why="the target gave no reply")
    traffic = traffic_of("device-sharing")
    found = judged(traffic, [lost, *recorded("device-sharing")[1][:400]])
    assert (found[VIOLATION], len(found[UNEXPLAINED]) > 0) == ([], True)


def test_groups_are_over_when_nothing_is_under_way():
    one, two, three = (replace(shares(200)[0], sent=sent, received=received) for sent, received in ((0, 10), (5, 7), (11, 12)))
    assert [len(group) for group in overlapping([one, two, three])] == [2, 1]
    groups = Groups()
    groups.add(one)
    assert [groups.over(earliest) for earliest in (None, 11, 10, 5)] == [True, True, False, False]


def test_what_cannot_be_judged_is_counted():
    share = shares(200)[0]
    others = [
        replace(share, path="/elsewhere"),
        replace(share, method="PATCH"),
        replace(share, reply_body=None),
        replace(share, body=b"x", headers=(("Content-Encoding", "br"),)),
        replace(share, reply_body=b"x", reply_headers=(("Content-Encoding", "gzip"),)),
    ]
    traffic = traffic_of("device-sharing")
    judged(traffic, others)
    assert (traffic.record.requests, sum(traffic.skipped.values())) == (0, len(others))


def test_a_recording_is_judged_like_the_traffic_and_has_no_secret(tmp_path):
    now, exchanges = recorded("device-sharing")
    traffic = traffic_of("device-sharing")
    recording = Recording(tmp_path / "t.har", traffic, now)
    for each in exchanges[:1500]:
        traffic.judge([each])
        recording.add([each])
    recording.write()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["t.corpus.jsonl", "t.har", "t.replay.json", "t.world.yaml"]
    assert "demo-token" not in "".join(file.read_text() for file in tmp_path.iterdir())
    again = list(read_har(tmp_path / "t.har", "http://server"))
    assert [(each.path, each.query, each.reply_body) for each in again[:50]] == [
        (each.path, each.query, each.reply_body) for each in sorted(exchanges[:1500], key=lambda each: each.sent)[:50]
    ]
    result = CliRunner().invoke(main, ["check", str(tmp_path / "t.har"), "--world", str(tmp_path / "t.world.yaml"), "--quiet"])
    assert (result.exit_code, " 0 violations" in result.output) == (0, True)


def test_a_recording_hides_what_the_contract_does_not_know(tmp_path):
    login = Exchange(
        "POST",
        "/login",
        "access_token=secret-1&a=b%20c",
        (("Authorization", "Basic secret-2"), ("Cookie", "sid=secret-3"), ("Content-Type", "application/x-www-form-urlencoded")),
        b"user=ann&password=secret-4",
        10,
        20,
        200,
        (("Set-Cookie", "sid=secret-5"), ("Content-Type", "application/json"), ("Content-Encoding", "gzip")),
        gzip.compress(b'{"data": {"refreshToken": "secret-6", "name": "ann", "tokens": ["secret-7"]}}'),
    )
    image = replace(login, reply_headers=(("Content-Type", "image/png"),), reply_body=b"\x89PNG\xff")
    unknown = replace(login, reply_body=None)
    write_har(tmp_path / "t.har", [login, image, unknown], "http://server", {})
    text = (tmp_path / "t.har").read_text()
    assert ("secret-" in text, "ann" in text) == (False, True)
    again = list(read_har(tmp_path / "t.har", "http://server"))
    assert [each.reply_body for each in again[1:]] == [b"\x89PNG\xff", None]
    assert json.loads(again[0].reply_body)["data"]["name"] == "ann"
    assert (again[0].path, again[0].query) == ("/login", "access_token=%5Bredacted%5D&a=b+c")


def test_the_credential_of_a_lost_reply_is_hidden_too():
    share = shares(200)[0]
    traffic = traffic_of("device-sharing")
    judged(traffic, [replace(share, status=0, why="the target gave no reply")])
    [finding] = traffic.record.found(UNEXPLAINED)
    assert "demo-token" not in "".join(finding.curls)


def test_a_world_of_nothing_becomes_one_that_the_mock_serves(tmp_path):
    share = shares(200)[0]
    traffic = traffic_of("device-sharing", lambda table, row: False)
    recording = Recording(tmp_path / "t.har", traffic, share.sent)
    traffic.judge([share])
    recording.add([share])
    recording.write()
    world = yaml.safe_load((tmp_path / "t.world.yaml").read_text())
    [session], [device] = world["sessions"], world["devices"]
    assert (session["token"], device["owner"]) == ("recorded-token-1", session["uid"])
    with running(world=tmp_path / "t.world.yaml") as mock:
        arguments = ["replay", str(tmp_path / "t.replay.json"), "--target", mock.url, "--world", str(tmp_path / "t.world.yaml")]
        result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "passes now: got shareInfo/200" in result.output) == (0, True)


def test_what_is_supposed_is_used_for_what_follows():
    first, second = (next(each for each in shares(200) if f"dk={name}" in each.query) for name in ("D001", "D002"))
    traffic = traffic_of("device-sharing", lambda table, row: False)
    found = judged(traffic, [first, replace(second, headers=first.headers)])
    assert (found[UNEXPLAINED], traffic.record.cases["shareInfo/200"]) == ([], 2)
    assert [table for table, _ in traffic.supposed] == ["sessions", "devices", "devices"]
    assert len({row["owner"] for table, row in traffic.supposed if table == "devices"}) == 1


@pytest.mark.parametrize("complete", [True, False])
def test_an_outcome_that_is_permitted_at_any_time_is_not_permitted_every_time(complete):
    tables = openapi.load(FOLDER / "device-sharing.yaml").tables
    added = next(each for each in shares(200) if "coverMark=2" in each.query)
    other = next(each for each in shares(200) if "coverMark" not in each.query + each.body.decode())
    failed = altered(added, lambda body: body.update(code=5134, msg="", data=None))
    traffic = traffic_of("device-sharing", complete=tables if complete else ())
    found = judged(traffic, [failed, other, *[failed] * 9])[VIOLATION]
    assert [each.verdict.detail for each in found] == ["shareInfo/5134 is permitted at any time, not every time"] * complete


def test_the_live_matrix_has_what_was_seen_by_operation():
    traffic = traffic_of("device-sharing")
    wrong = altered(shares(5133)[0], lambda body: body.update(code=200, msg="", data="share_dv_x"))
    judged(traffic, [*shares(5066)[:3], wrong, altered(shares(5066)[0], lambda body: body.update(code=9999))])
    console = Console(file=StringIO(), force_terminal=True, width=120)
    console.print(matrix(traffic.record))
    text = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())
    assert "5 exchanges, 2 of 76 outcomes seen, 2 violated" in text
    assert re.search(r"shareInfo +│ 2 of 12 +│ 5066 ×3 +5133 ×0 +200 ×1", text) or "5066 ×3" in text
    assert "9999 ×1" in text
    console.file.truncate(0)
    with Matrix(console) as live:
        live(traffic.record)
    assert "5066 ×3" in re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())


def entry(**more):
    return {
        "startedDateTime": "2030-01-01T00:00:00Z",
        "time": 5.5,
        "request": {"method": "GET", "url": "http://a/b?c=d", "headers": [], **more},
        "response": {"status": 200, "headers": [], "content": {"text": "{}"}},
    }


HOSTILE = {
    "empty": "",
    "no JSON": "{",
    "binary": "\x00\x01\xff",
    "another document": "[]",
    "no entries": '{"log": {}}',
    "entries of another kind": '{"log": {"entries": {"a": 1}}}',
    "an entry of text": '{"log": {"entries": ["x"]}}',
    "an entry without a request": '{"log": {"entries": [{}]}}',
    "no time": json.dumps({"log": {"entries": [{**entry(), "startedDateTime": "yesterday"}]}}),
    "a time beyond the calendar": json.dumps({"log": {"entries": [{**entry(), "time": 1e400}]}}),
    "an address that is none": json.dumps({"log": {"entries": [entry(url="http://[")]}}),
    "headers of another kind": json.dumps({"log": {"entries": [entry(headers=[5])]}}),
    "deep": '{"log":' * 5000,
    "a status of text": json.dumps({"log": {"entries": [{**entry(), "response": {"status": "x"}}]}}),
    "many digits": '{"log": {"entries": [' + "9" * 6000 + "]}}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_recording_is_a_sentence(tmp_path, name):
    file = tmp_path / "t.har"
    file.write_bytes(HOSTILE[name].encode("latin-1"))
    result = CliRunner().invoke(main, ["check", str(file), "--quiet"])
    assert (result.exit_code, result.output.startswith(f"{file}:1: "), result.output.count("\n")) == (2, True, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.har"], "missing.har:1: cannot be read: No such file or directory"),
        (["{har}", "--base", "http://elsewhere"], "has no exchange below http://elsewhere"),
        (["{har}", "--base", "elsewhere"], "--base is not a URL"),
        (["{har}", "--complete", "share"], "--complete share: the contract has no such table (did you mean shares?)"),
        (["{har}", "--world", "missing.yaml"], "missing.yaml:1: cannot be read"),
    ],
)
def test_an_option_that_cannot_be_is_a_sentence(tmp_path, arguments, sentence):
    file = tmp_path / "t.har"
    write_har(file, shares(200)[:1], "http://server", {})
    result = CliRunner().invoke(main, ["check", *(each.format(har=file) for each in arguments), "--quiet"])
    assert (result.exit_code, sentence in result.output) == (2, True)


def test_a_violation_in_a_recording_is_reported_and_the_exit_code_is_1(tmp_path):
    file = tmp_path / "t.har"
    wrong = altered(shares(5133)[0], lambda body: body.update(code=200, msg="", data="share_dv_x"))
    write_har(file, [wrong, *shares(200)[:3]], "http://server", {})
    result = CliRunner().invoke(main, ["check", str(file), "--quiet", "--json", str(tmp_path / "report.json")])
    assert (result.exit_code, "in 1 of 4 exchanges" in result.output) == (1, True)
    assert len(json.loads((tmp_path / "report.json").read_text())["violations"]) == 1
