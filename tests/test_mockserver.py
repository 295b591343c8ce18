"""The mock: every outcome over HTTP, one transaction per request, problem documents, messages for invalid input."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Barrier, Thread

import pytest
from click.testing import CliRunner

import openapi
from contracts.http.wire import request_for
from mockserver import Mock, Origin, create_app
from mockserver.cli.main import main

CONTRACT = openapi.load()
SHARE_INFO = CONTRACT.operations["shareInfo"]
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
URL = SHARE_INFO.path
ALICE = {"Authorization": "Bearer demo-token-alice"}


@pytest.fixture
def world(mock):
    return mock.worlds.default


@pytest.fixture
def mock():
    return Mock(CONTRACT, Origin(openapi.read_document(WORLD)))


@pytest.fixture
def client(mock):
    return create_app(mock).test_client()


def _now():
    return time.time_ns() // 1_000_000


def _share(**changes):
    return {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(_now() + 60_000)} | changes


@pytest.mark.parametrize("outcome", SHARE_INFO.outcomes)
@pytest.mark.parametrize("as_form", [False, True])
def test_every_outcome_can_be_had(client, world, outcome, as_form):
    raw = openapi.witnesses(SHARE_INFO, world.state, world.now())[outcome]
    request = request_for(SHARE_INFO, raw, as_form=as_form)
    reply = client.post(request.url(""), headers=dict(request.headers), data=dict(request.form or ()))
    assert reply.status_code == 200
    assert reply.headers["Mock-Outcome"] == outcome
    assert outcome == f"shareInfo/{reply.json['code']}"
    assert set(reply.json) == {"code", "msg", "data", "extMsg"}


def test_the_query_wins_over_the_form(client):
    assert client.post(URL, query_string={"pk": "a"}, data={"pk": "", "dk": ""}, headers=ALICE).json["code"] == 5067


@pytest.mark.parametrize("token", ["demo-token-alice", "Bearer demo-token-alice"])
def test_a_token_comes_with_or_without_bearer(client, token):
    assert client.post(URL, query_string=_share(), headers={"Authorization": token}).json["code"] == 200


def test_messages_are_chinese_unless_english_is_asked_for(client):
    assert client.post(URL).json["msg"] == "请输入token"
    assert client.post(URL, headers={"X-Q-Language": "en"}).json["msg"] == "Please enter token"


@pytest.mark.parametrize("query", ["pk=%ff%fe", "pk=a&pk=b", "pk=%00", "&&&=", "pk=" + "x" * 5000])
def test_an_odd_query_gets_an_outcome(client, query):
    assert client.post(f"{URL}?{query}", headers=ALICE).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", URL, 405), ("POST", "/nowhere", 404), ("PATCH", URL, 405)])
def test_what_is_outside_the_contract_gets_a_problem_document(client, method, path, status):
    reply = client.open(path, method=method)
    assert reply.status_code == status
    assert reply.content_type == "application/problem+json"
    assert reply.json["status"] == status


def test_a_body_that_is_too_large_gets_a_problem_document(client):
    reply = client.post(URL, data={"pk": "x" * 2_000_000})
    assert (reply.status_code, reply.content_type) == (413, "application/problem+json")


def test_threads_that_race_for_one_device_leave_one_share_standing(mock, world):
    app, barrier = create_app(mock), Barrier(8)

    def race():
        client = app.test_client()
        barrier.wait()
        for _ in range(20):
            client.post(URL, query_string=_share(), headers=ALICE)

    threads = [Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shares = [row for row in world.state.rows("shares") if row["dk"] == "D001"]
    assert len(shares) == 160
    assert sum(not row["replaced"] for row in shares) == 1


def test_the_log_names_the_outcome_and_no_token(mock):
    lines = []
    create_app(mock, lines.append).test_client().post(URL, query_string=_share(), headers=ALICE)
    assert lines[0].outcome == "shareInfo/200"
    assert "alice" not in str(lines[0])


def test_a_frozen_world_stands_still():
    mock = Mock(CONTRACT, Origin(openapi.parse_document("clock: {now: 2030-01-01T00:00:00Z, frozen: true}", "world.yaml")))
    assert mock.worlds.default.now() == 1_893_456_000_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--contract", "nowhere.yaml", "--world", str(WORLD)], "nowhere.yaml:1: cannot be read"),
        (["--world", "nowhere.yaml"], "nowhere.yaml:1: cannot be read"),
        (["--workers", "2"], "one worker serves a mock"),
        (["--host", "256.0.0.1", "--port", "0", "--token", "t"], "cannot listen on 256.0.0.1:0"),
    ],
)
def test_unusable_input_is_a_sentence_and_exit_code_2(arguments, message):
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
