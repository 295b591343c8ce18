"""Times that a server stores and values that it does not show: rate windows, quotas, expiry."""

from __future__ import annotations

import json
import random
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner

import openapi
from contracts.cli.main import main
from contracts.http.wire import Reply, request_for
from contracts.judge.clock import Clock
from contracts.judge.oracle import Oracle
from contracts.judge.verdict import VERIFIED, VIOLATION
from mockserver import running

CONTRACT = """openapi: 3.1.0
info: {title: calls, version: '1'}
x-envelope: {code: /code, data: /data, body: {code: 0}}
x-state:
  users: {key: [u], row: {properties: {u: {type: string}}}}
  calls: {key: [id], row: {properties: {id: {type: string}, u: {type: string}, at: {type: integer, format: int64}}}}
x-let:
  user: {find: users, where: {u: u}}
  recent: {all: calls, where: {u: user.u}, if: row.at > now - 600000}
paths:
  /call:
    post:
      operationId: call
      parameters: [{name: u, in: query, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
      x-outcomes:
        - {code: 1, missing: [u]}
        - {code: 2, missing: user}
        - {code: 429, when: size(recent) >= 3}
        - code: 0
          mint: {id: uuid()}
          then: [{insert: calls, row: {id: id, u: u, at: now}}]
          data: {id: id}
"""
QUOTA = CONTRACT.replace(", if: row.at > now - 600000", "")
HIDDEN = CONTRACT.replace("data: {id: id}", "data: {ok: \"'true'\", time: now}")
WORLD = "users: [{u: a}, {u: b}]\n"
WINDOW = 600_000
NOW = 1_800_000_000_000


def written(folder, text, world=WORLD):
    folder.mkdir(exist_ok=True)
    (folder / "contract.yaml").write_text(text)
    (folder / "world.yaml").write_text(world)
    return folder / "contract.yaml", folder / "world.yaml"


def verify(base, contract, world, *options):
    fixed = ("--target", base, "--contract", contract, "--world", world, "--seed", "1", "--quiet")
    return CliRunner().invoke(main, ["verify", *map(str, (*fixed, *options))])


@contextmanager
def server(contract_text, folder, shift=lambda number: 0, data=lambda data: data):
    """A server of a contract that stores times which are off by `shift` ms; its clock can be set, and it can be reset."""
    contract_file, world_file = written(folder, contract_text)
    contract = openapi.load(contract_file)
    randomness, lock, held = random.Random(3), Lock(), {}

    def now():
        return held["frozen"] if held.get("frozen") is not None else int(datetime.now().timestamp() * 1000)

    def reset():
        held["state"], held["number"] = openapi.load_world(world_file, contract, now(), {}).state, 0

    reset()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet for each reply

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                self.answer()

        do_GET = do_POST

        def answer(self):
            address = urlsplit(self.path)
            if address.path == "/reset":
                reset()
                return self.reply({})
            operation = next((each for each in contract.operations.values() if each.path == address.path), None)
            if operation is None or operation.method != self.command:
                return self.reply({}, 404)
            raw = operation.gather(query=dict(parse_qsl(address.query)), path={}, headers={}, cookies={}, form={}, body=None)
            held["number"] += 1
            at = now() + (shift(held["number"]) if held.get("frozen") is None else 0)
            found = openapi.decide(operation, raw, held["state"], at, randomness)
            held["state"] = found.state
            self.reply(contract.envelope.body(found.rule.code, "", data(found.data)))

        def do_PATCH(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time = int(datetime.fromisoformat(body["time"].replace("Z", "+00:00")).timestamp() * 1000 + 0.5)
            held["frozen"] = time if body["frozen"] else None
            self.reply({})

        def reply(self, body, status=200):
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_port}"
    finally:
        served.shutdown()
        served.server_close()


@pytest.mark.parametrize("text", [CONTRACT, QUOTA, HIDDEN], ids=["window", "quota", "hidden"])
def test_every_outcome_of_the_mock_is_verified(text, tmp_path):
    contract, world = written(tmp_path, text)
    with running(contract, world) as mock:
        result = verify(mock.url, contract, world)
    assert result.exit_code == 0, result.output
    assert "4 of 4 documented outcomes verified, 0 violations" in result.output


@pytest.mark.parametrize("span", ["600000", "300"])
def test_the_mock_is_not_accused_after_requests_at_the_same_time(span, tmp_path):
    contract, world = written(tmp_path, (HIDDEN + LIST).replace("600000", span))
    with running(contract, world) as mock:
        control = f"{mock.url}/_mock/worlds/default"
        result = verify(mock.url, contract, world, "--reset", f"{control}/reset", "--clock", f"{control}/clock", "--races")
    assert "0 violations" in result.output, result.output


@pytest.mark.parametrize("clock", [False, True])
@pytest.mark.parametrize("text", [CONTRACT, HIDDEN], ids=["window", "hidden"])
@pytest.mark.parametrize("shift", [lambda number: 0, lambda number: 20, lambda number: -20 * (number % 2)])
def test_a_correct_server_is_never_accused(text, shift, clock, tmp_path):
    text = text.replace("600000", "300")  # so short that limits are passed during the run
    with server(text, tmp_path / "served", shift) as base:
        contract, world = written(tmp_path, text)
        options = ("--reset", f"{base}/reset", *(("--clock", f"{base}/clock") if clock else ()))
        result = verify(base, contract, world, *options)
    assert "0 violations" in result.output, result.output


@pytest.mark.parametrize(
    "wrong",
    [
        CONTRACT.replace("size(recent) >= 3", "size(recent) >= 3000"),
        CONTRACT.replace("size(recent) >= 3", "size(recent) >= 4"),
        CONTRACT.replace("600000", "60000"),
        CONTRACT.replace("600000", "599999"),
        QUOTA,
    ],
    ids=["no limit", "limit 4", "one minute", "one millisecond less", "never forgets"],
)
@pytest.mark.parametrize("hidden", [False, True])
def test_a_wrong_limit_is_caught(wrong, hidden, tmp_path):
    right = CONTRACT
    if hidden:
        right, wrong = HIDDEN, wrong.replace("data: {id: id}", "data: {ok: \"'true'\", time: now}")
    with server(wrong, tmp_path / "served") as base:
        contract, world = written(tmp_path, right)
        result = verify(
            base, contract, world, "--reset", f"{base}/reset", "--clock", f"{base}/clock", "--walks", 12, "--max-requests", 900
        )
    assert result.exit_code == 1, result.output
    assert "Violation: call/" in result.output


def test_an_exact_clock_shows_both_sides_of_the_limit(tmp_path):
    with server(CONTRACT, tmp_path / "served") as base:
        contract, world = written(tmp_path, CONTRACT)
        result = verify(base, contract, world, "--reset", f"{base}/reset", "--clock", f"{base}/clock")
    assert "4 of 4 documented outcomes verified, 0 violations" in result.output, result.output


LIST = """
  /calls:
    get:
      operationId: list
      parameters: [{name: u, in: query, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
      x-let: {mine: {all: calls, where: {u: u}}}
      x-outcomes:
        - {code: 1, missing: [u]}
        - {code: 0, data: [{each: mine, item: {id: row.id, u: row.u, at: row.at, age: now - row.at}}]}
  /one:
    get:
      operationId: one
      parameters: [{name: id, in: query, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
      x-let: {call: {find: calls, where: {id: id}}}
      x-outcomes:
        - {code: 1, missing: [id]}
        - {code: 404, missing: call}
        - {code: 0, data: {u: call.u}}
  /cancel:
    post:
      operationId: cancel
      parameters: [{name: id, in: query, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
      x-let: {call: {find: calls, where: {id: id}}}
      x-outcomes:
        - {code: 1, missing: [id]}
        - {code: 404, missing: call}
        - {code: 0, then: [{delete: calls, where: {id: id}}]}
"""


class Exchange:
    """A server without a network, and the oracle that judges it. Replies take 20 ms; the server reads its clock at `at`."""

    def __init__(self, folder, text, frozen=False, served=None, tolerance=0):
        contract, world = written(folder, text)
        self.contract = openapi.load(contract)
        self.served = self.contract if served is None else openapi.load(written(folder / "served", served)[0])
        found = openapi.load_world(world, self.contract, NOW, {})
        self.now, self.state, self.random = NOW, found.state, random.Random(0)
        self.oracle = Oracle(self.contract, found, Clock(found, NOW, tolerance))
        if frozen:
            self.oracle.clock.stop(NOW)

    def answer(self, operation, raw, at=10):
        decision = openapi.decide(self.served.operations[operation], raw, self.state, self.now + at, self.random)
        self.state = decision.state
        return decision

    def send(self, operation, raw, at=10):
        decision = self.answer(operation, raw, at)
        body = self.contract.envelope.body(decision.rule.code, "", decision.data)
        return self.judge(operation, raw, body)

    def judge(self, operation, raw, body):
        reply = Reply(200, {"content-type": "application/json"}, json.dumps(body).encode(), self.now, self.now + 20)
        self.now += 20
        return self.oracle.judge(request_for(self.contract.operations[operation], raw), reply)


@pytest.mark.parametrize("stored", [0, 20])
@pytest.mark.parametrize("read", [0, 20])
def test_near_a_limit_both_answers_are_permitted(stored, read, tmp_path):
    for late in range(-60, 61, 4):
        exchange = Exchange(tmp_path, CONTRACT)
        for _ in range(3):
            exchange.send("call", {"u": "a"}, at=stored)
        exchange.now = NOW + 40 + WINDOW + late
        for _ in range(5):
            assert exchange.send("call", {"u": "a"}, at=read).verdict.kind == VERIFIED


@pytest.mark.parametrize(("late", "got"), [(-200, 0), (200, 429)])
def test_far_from_a_limit_a_wrong_answer_is_a_violation(late, got, tmp_path):
    exchange = Exchange(tmp_path, CONTRACT)
    for _ in range(3):
        exchange.send("call", {"u": "a"})
    exchange.now = NOW + WINDOW + late
    assert exchange.judge("call", {"u": "a"}, {"code": got, "data": {"id": "x1"}}).verdict.kind == VIOLATION


def test_all_views_of_a_request_store_the_same(tmp_path):
    exchange = Exchange(tmp_path, HIDDEN.replace("600000", "50"), tolerance=1000)
    for _ in range(20):
        exchange.send("call", {"u": "a"})
        exchange.now += 7
    assert len(exchange.oracle.possible) <= 2


def looks(exchange):
    """How many times are looked at to judge a request that takes 20 ms."""
    request = request_for(exchange.contract.operations["call"], {"u": "a"})
    oracle = exchange.oracle
    return len(list(oracle.expectations.between(oracle.possible, request, exchange.now, exchange.now + 20)))


def test_of_times_at_which_a_request_is_answered_alike_one_is_enough(tmp_path):
    exchange = Exchange(tmp_path, CONTRACT)
    assert looks(exchange) == 1
    for _ in range(3):
        exchange.send("call", {"u": "a"})
    exchange.now = NOW + 20 + WINDOW
    assert looks(exchange) > 1  # some of the calls may be too old to count
    exchange.now += 1000
    assert looks(exchange) == 1
    assert looks(Exchange(tmp_path, HIDDEN)) > 1  # its reply shows the time


def test_what_is_changed_by_the_time_alone_may_be_changed_or_not(tmp_path):
    gated = CONTRACT.replace("at: now}}", f"at: now}}, when: 'now >= {NOW + 10}'}}")
    for at in (0, 20):
        exchange = Exchange(tmp_path, gated)
        assert exchange.send("call", {"u": "a"}, at=at).verdict.kind == VERIFIED
        assert sorted(len(list(each.rows("calls"))) for each in exchange.oracle.states) == [0, 1]


def test_hidden_ids_and_times_are_not_compared_but_rows_are_counted(tmp_path):
    exchange = Exchange(tmp_path, HIDDEN + LIST)
    for user in "aab":
        assert exchange.send("call", {"u": user}).verdict.kind == VERIFIED
    assert exchange.send("list", {"u": "a"}).verdict.kind == VERIFIED
    one = {"id": "1", "u": "a", "at": NOW, "age": 3}
    assert exchange.judge("list", {"u": "a"}, {"code": 0, "data": [one]}).verdict.kind == VIOLATION
    assert exchange.judge("list", {"u": "b"}, {"code": 0, "data": [one]}).verdict.kind == VIOLATION


def test_a_client_that_learned_a_hidden_id_elsewhere_accuses_nobody(tmp_path):
    exchange = Exchange(tmp_path, HIDDEN + LIST)
    exchange.send("call", {"u": "a"})
    (call,) = exchange.state.rows("calls")
    assert exchange.send("one", {"id": call["id"]}).verdict.kind != VIOLATION
    assert exchange.send("one", {"id": "none"}).verdict.kind == VERIFIED
    assert exchange.send("cancel", {"id": call["id"]}).verdict.kind != VIOLATION
    for _ in range(4):
        assert exchange.send("call", {"u": "a"}).verdict.kind != VIOLATION
    assert exchange.judge("one", {}, {"code": 0}).verdict.kind == VIOLATION


def test_a_minted_value_without_randomness_is_computed(tmp_path):
    text = QUOTA.replace("mint: {id: uuid()}", "mint: {id: u + string(size(recent))}").replace("data: {id: id}", "data: {}")
    exchange = Exchange(tmp_path, text + LIST)
    exchange.send("call", {"u": "a"})
    assert [row["id"] for row in exchange.oracle.state.rows("calls")] == ["a0"]
    wrong = {"code": 0, "data": [{"id": "a1", "u": "a"}]}
    assert exchange.send("list", {"u": "a"}).verdict.kind == VERIFIED
    assert exchange.judge("list", {"u": "a"}, wrong).verdict.kind == VIOLATION


def test_a_hidden_random_number_is_not_compared(tmp_path):
    text = QUOTA.replace("id: {type: string}, u", "id: {type: integer}, u").replace("uuid()", "size(uuid()) + size(recent)")
    wanted = "{name: id, in: query, required: true, schema: {type: "
    reads = LIST.replace(f"{wanted}string}}", f"{wanted}integer}}")
    reads = reads.replace("missing: [id]}", "missing: [id]}\n        - {code: 1, malformed: [id]}")
    exchange = Exchange(tmp_path, text.replace("data: {id: id}", "data: {}") + reads)
    for _ in range(3):
        assert exchange.send("call", {"u": "a"}).verdict.kind == VERIFIED
    assert exchange.send("list", {"u": "a"}).verdict.kind == VERIFIED
    assert exchange.send("call", {"u": "a"}).verdict.got == "call/429"
    assert exchange.send("one", {"id": "33"}).verdict.kind != VIOLATION


DERIVED = CONTRACT.replace("data: {id: id}", "data: {id: id, at: now, text: \"dateTime(now, '+00:00')\", left: rest}").replace(
    "x-let:\n", "x-let:\n  rest: {first: [now + 5000]}\n"
)


def test_values_computed_from_now_are_not_compared(tmp_path):
    exchange = Exchange(tmp_path, DERIVED)
    assert exchange.send("call", {"u": "a"}, at=7).verdict.kind == VERIFIED


def test_two_stored_times_are_not_compared_with_each_other_to_accuse(tmp_path):
    text = (
        CONTRACT.replace("if: row.at > now - 600000", "if: row.at > user.since").replace(
            "row: {properties: {u: {type: string}}}", "row: {properties: {u: {type: string}, since: {type: integer}}}"
        )
        + """
  /touch:
    post:
      operationId: touch
      parameters: [{name: u, in: query, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
      x-outcomes:
        - {code: 1, missing: [u]}
        - {code: 2, missing: user}
        - {code: 0, then: [{update: users, where: {u: u}, set: {since: now}}]}
"""
    )
    exchange = Exchange(tmp_path, text)
    for number in range(40):
        exchange.now -= 18 * (number % 2)
        kind = exchange.send("touch" if number % 5 == 0 else "call", {"u": "a"}, at=number * 7 % 21).verdict.kind
        assert kind != VIOLATION


def test_what_stays_undecidable_is_noted(tmp_path):
    hidden, shown = (openapi.load(written(tmp_path, text + LIST)[0]) for text in (HIDDEN, CONTRACT))
    assert any("no reply to call shows id" in each and "one, cancel" in each for each in hidden.notes)
    assert not any("no reply to call shows" in each for each in shown.notes)
