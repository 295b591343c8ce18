"""The mock as a process, and with contracts other than the one of device sharing."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import pytest
import requests
from click.testing import CliRunner

import openapi
from mockserver import Mock, Origin, create_app
from mockserver.cli.main import main
from mockserver.http.request import gatherer, variable

CONTRACT = openapi.load()
URL = CONTRACT.operations["shareInfo"].path
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
ECHO = """
openapi: 3.1.0
info: {title: Echo, version: '1'}
paths:
  /things/{thing}:
    post:
      operationId: health
      parameters: [{name: thing, in: path, required: true, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {type: object, properties: {text: {type: string}}}}}}
      responses: {'200': {description: ok}}
      x-outcomes: [{code: 1, malformed: text}, {code: 200, data: text}]
x-envelope: {code: /code, message: /msg, data: /data, body: {}}
x-messages: {'1': {en: a}, '200': {en: b}}
x-state: {}
"""


@pytest.fixture
def echo(tmp_path):
    contract = tmp_path / "echo.yaml"
    contract.write_text(ECHO)
    return create_app(Mock(openapi.load(contract), Origin(openapi.parse_document("{}", "world.yaml")))).test_client()


@pytest.fixture
def mock():
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.base = process.stdout.readline().split()[-1]
        yield process
        process.kill()


def test_two_credentials_may_share_a_header(tmp_path):
    contract = tmp_path / "two.yaml"
    schemes = "components: {securitySchemes: {one: {type: http, scheme: bearer}, two: {type: http, scheme: bearer}}}"
    text = ECHO.replace("[{code: 1, malformed: text}, ", "[{code: 1, missing: [one, two]}, {code: 1, malformed: text}, ")
    contract.write_text(f"{text.replace('data: text', 'data: one + two')}security: [one: [], two: []]\n{schemes}")
    client = create_app(Mock(openapi.load(contract), Origin(openapi.parse_document("{}", "world.yaml")))).test_client()
    assert client.post("/things/a", headers={"Authorization": "Bearer x"}).json["data"] == "xx"


def test_an_operation_may_be_called_health(echo):
    assert echo.post("/things/a", json={"text": "b"}).json["data"] == "b"
    assert echo.get("/_mock/health").json == {"status": "ok"}


@pytest.mark.parametrize("body", [b'{"text": "\\ud800"}', b"[" * 900_000, b'{"text": NaN}', b"\xff", b'{"text": 1}'])
def test_an_odd_json_body_gets_an_outcome(echo, body):
    assert echo.post("/things/%E4%BD%A0", data=body, content_type="application/json").headers["Mock-Outcome"] in (
        "health/200",
        "health/1",
    )


@pytest.mark.parametrize("path", [URL, "/nowhere", "/_mock/health"])
def test_a_large_body_is_refused_on_every_path(path):
    lines = []
    client = create_app(Mock(CONTRACT, Origin(openapi.read_document(WORLD))), log=lines.append).test_client()
    assert client.post(path, data=b"x" * 2_000_000).status_code == 413
    assert lines[0].outcome == "413"


def test_the_log_has_a_line_for_what_is_outside_the_contract_and_never_a_query():
    lines = []
    client = create_app(Mock(CONTRACT, Origin(openapi.read_document(WORLD))), log=lines.append).test_client()
    client.get(f"{URL}?token=secret")
    client.post("/no%0Awhere?token=secret")
    assert [(line.method, line.path, line.outcome) for line in lines] == [("GET", URL, "405"), ("POST", "/no%0Awhere", "404")]


def test_a_served_mock_answers_logs_and_stops_at_an_interrupt(mock):
    reply = requests.post(mock.base + URL, headers={"X-Q-Language": "en"}, timeout=5)
    assert (reply.headers["Mock-Outcome"], reply.json()["msg"]) == ("shareInfo/5106", "Please enter token")
    mock.send_signal(signal.SIGINT)
    out, err = mock.communicate(timeout=10)
    assert f"POST {URL} shareInfo/5106" in out
    assert (mock.returncode, err) == (0, "")


def test_a_port_in_use_is_a_sentence_and_exit_code_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", "--port", str(port)])
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in result.output


FURTHER = sorted(WORLD.parent.parent.glob("*.yaml"))
VALUES = ["", " ", "1", "a b", "ä", "%", "+", "x=y", "null"]


@pytest.mark.parametrize("file", FURTHER, ids=lambda each: each.stem)
def test_the_mock_finds_the_same_parameters_as_the_contract(file):
    chance = Random(1)
    for operation in openapi.load(file, plain=True).operations.values():
        for _ in range(50):
            parts = {
                location: {
                    each.wire_name: chance.choice(VALUES)
                    for each in operation.parameters
                    if each.location in (location, "query") and chance.random() < 0.7
                }
                for location in ("query", "form", "header", "path", "body")
            }
            form, body = operation.accepts_form and chance.random() < 0.5, parts["body"]
            text = urlencode(parts["form"]) if form else json.dumps(body)
            environ = {variable(name): value.encode().decode("latin-1") for name, value in parts["header"].items()}
            environ["PATH_INFO"] = operation.path
            environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded; charset=utf-8" if form else "application/json"
            found = gatherer(operation)(environ, parts["path"], urlencode(parts["query"]), text)
            assert found == operation.gather(
                query=parts["query"],
                path=parts["path"],
                headers=parts["header"],
                form=parts["form"] if form else {},
                body=None if form else body,
                request=openapi.request_parts(operation.path, operation.path, urlencode(parts["query"]), text, operation.method),
            )
