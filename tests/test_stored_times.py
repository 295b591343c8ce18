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
        result = verify(base, contract, world, "--reset", f"{base}/reset", "--clock", f"{base}/clock", "--walks", 12)
    assert result.exit_code == 1, result.output
    assert "Violation: call/" in result.output


def test_an_exact_clock_shows_both_sides_of_the_limit(tmp_path):
    with server(CONTRACT, tmp_path / "served") as base:
        contract, world = written(tmp_path, CONTRACT)
        result = verify(base, contract, world, "--reset", f"{base}/reset", "--clock", f"{base}/clock")
    assert "4 of 4 documented outcomes verified, 0 violations" in result.output, result.output
