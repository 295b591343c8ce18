"""The command line of the mock: options, TLS, logs, reloading and stopping."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

import openapi
from mockserver import Mock, Origin, create_app
from mockserver.cli.main import main, serve
from mockserver.serving.reload import Reloader

ROOT = Path(__file__).parent.parent
CONTRACT = openapi.load()
URL = CONTRACT.operations["shareInfo"].path
DEMO = ROOT / "openapi" / "worlds" / "demo.yaml"


def _served(*arguments, env=None):
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    process.base = process.stdout.readline().split()[-1]
    return process


@pytest.fixture
def served():
    running = []

    def start(*arguments):
        running.append(_served(*arguments))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def _stopped(process):
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


def _refused(*arguments, env=None):
    result = CliRunner().invoke(main, ["serve", *arguments], env=env)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "mock.example"])
def test_other_machines_are_served_only_with_a_token(host):
    output = _refused("--host", host, "--port", "0")
    assert f"other machines reach {host}, so the control plane wants a token: set MOCKSERVER_TOKEN or --token" in output


def test_with_a_token_every_address_is_served(served):
    process = served("--host", "0.0.0.0", "--token", "secret", "--quiet")
    base = process.base.replace("0.0.0.0", "127.0.0.1")
    assert requests.get(f"{base}/_mock/worlds", timeout=10).status_code == 401
    assert requests.get(f"{base}/_mock/worlds", headers={"Authorization": "Bearer secret"}, timeout=10).ok
    code, out, err = _stopped(process)
    assert (code, err, "secret" in out) == (0, "", False)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("hush-hush\n", "has white space around it"),
        (" hush-hush", "has white space around it"),
        ("hush\thush", "has characters that no header can carry"),
        ("hush-hüsh", "has characters that no header can carry"),
        (" ", "is empty"),
    ],
)
@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_token_that_no_client_could_send_is_refused_and_not_shown(token, said, by):
    output = _refused(
        *(["--token", token] if by == "option" else []), env={"MOCKSERVER_TOKEN": token} if by != "option" else None
    )
    assert output.startswith(f"the token (--token or MOCKSERVER_TOKEN) {said}")
    assert (output.count("\n"), "hush" in output) == (1, False)


def test_a_second_signal_ends_the_mock_at_once(served):
    process = served("--quiet")
    host, port = process.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        # replies that the client never reads, so the mock has something to wait for
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                client.sendall(b"GET /_mock/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 128 + signal.SIGINT


def test_what_was_begun_is_finished_before_the_mock_stops(served):
    process = served("--log", "json")
    requests.post(f"{process.base}/_mock/worlds/default/faults", json={"delay": 700}, timeout=10)
    sender = subprocess.Popen(
        [sys.executable, "-c", f"import requests; print(requests.post('{process.base}{URL}').json()['code'])"],
        stdout=subprocess.PIPE,
        text=True,
    )
    journal = f"{process.base}/_mock/worlds/default/journal"
    while not requests.get(journal, timeout=10).json()["entries"]:
        time.sleep(0.02)
    code, out, _ = _stopped(process)
    assert (sender.communicate(timeout=10)[0], code) == ("5106\n", 0)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    answered = [line for line in lines if line["path"] == URL]
    assert {"method": "POST", "world": "default", "outcome": "shareInfo/5106"}.items() <= answered[0].items()
    assert answered[0]["milliseconds"] > 0


def test_quiet_says_nothing_of_requests(served):
    process = served("--quiet")
    requests.post(process.base + URL, timeout=10)
    assert URL + " shareInfo/5106" not in _stopped(process)[1]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    made = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject, *made]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl to make a certificate")
    return folder / "cert.pem", folder / "key.pem"


def test_https_is_served_with_a_certificate(served, certificate):
    cert, key = map(str, certificate)
    process = served("--tls-cert", cert, "--tls-key", key)
    assert process.base.startswith("https://")
    assert requests.post(process.base + URL, verify=cert, timeout=10).json()["code"] == 5106
    world = requests.get(f"{process.base}/_mock/worlds/default", verify=cert, timeout=10).json()
    assert world["url"] == process.base


def test_a_certificate_that_cannot_be_used_is_a_sentence(tmp_path):
    (tmp_path / "a.pem").write_text("no certificate")
    assert "belong together" in _refused("--tls-cert", "a.pem")
    assert "are no certificate and its key" in _refused(
        "--tls-cert", str(tmp_path / "a.pem"), "--tls-key", str(tmp_path / "a.pem")
    )
    assert "nowhere.pem" in _refused("--tls-cert", "nowhere.pem", "--tls-key", "nowhere.pem")


@pytest.mark.parametrize(
    "origin",
    ["example.com", "https://app.example/", "https://app.example/path", "https://", "https://a b", "https://u@app.example", "**"],
)
def test_an_origin_that_no_browser_sends_is_a_sentence(origin):
    output = _refused("--cors", origin)
    assert f"'{origin}' is not an origin; write a scheme and a host, such as https://app.example, or * for all" in output


def test_an_origin_is_read_as_browsers_send_it(tmp_path):
    origins = ["*", "null", "https://App.example", "http://[::1]:3000", "chrome-extension://abc"]
    found = _read([part for each in origins for part in ("--cors", each)], tmp_path, "port: 1\n")["cors"]
    assert found == tuple(each.lower() for each in origins)


@pytest.mark.parametrize("command", ["serve", "witnesses"])
@pytest.mark.parametrize("option", ["--contract", "--world", "--config"])
@pytest.mark.parametrize("file", ["nowhere.yaml", "."])
def test_a_file_that_cannot_be_read_is_a_sentence(command, option, file):
    result = CliRunner().invoke(main, [command, option, file])
    assert (result.exit_code, f"{file}:1: cannot be read: " in result.output) == (2, True)
    assert result.exc_info[0] is SystemExit


def test_a_file_of_somebody_else_is_a_sentence(monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("openapi.document.reader.open", refuse, raising=False)
    assert "theirs.yaml:1: cannot be read: Permission denied" in _refused("--contract", "theirs.yaml")


def _read(arguments, tmp_path, config):
    """The options that `serve` would run with."""
    file = tmp_path / "mock.yaml"
    file.write_text(config)
    with serve.make_context("serve", ["--config", str(file), *arguments]) as context:
        return context.params


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(tmp_path, monkeypatch):
    config = "port: 1\njournal: 11\nidle: 30m\nallow-host: [a, b]\nquiet: true\nreload: false\n"
    found = _read([], tmp_path, config)
    assert [found[name] for name in ("port", "journal", "idle", "max_rows")] == [1, 11, 1800.0, 100_000]
    assert (found["allow_host"], found["quiet"], found["reload"]) == (("a", "b"), True, False)
    monkeypatch.setenv("MOCKSERVER_PORT", "2")
    monkeypatch.setenv("MOCKSERVER_JOURNAL", "22")
    assert [_read([], tmp_path, config)[name] for name in ("port", "journal")] == [2, 22]
    assert [_read(["--port", "3"], tmp_path, config)[name] for name in ("port", "journal")] == [3, 22]


@pytest.mark.parametrize("parameter", [each for each in serve.params if each.name != "help"], ids=lambda each: each.name)
def test_every_option_has_an_environment_variable(parameter):
    assert parameter.envvar == f"MOCKSERVER_{parameter.opts[0].removeprefix('--').upper().replace('-', '_')}"


def test_the_readme_has_every_option_with_its_variable_and_default():
    table = (ROOT / "README.md").read_text().partition("## `mockserver serve`")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(--[a-z-]+)[^`]*` \| `(MOCKSERVER_\w+)` \| (.*?) \|", table, re.MULTILINE)
    options = [each for each in serve.params if each.name != "help"]
    assert [(option, variable) for option, variable, _ in rows] == [(each.opts[0], each.envvar) for each in options]
    for (option, _, default), each in zip(rows, options, strict=True):
        if isinstance(each.default, (int, str)) and not isinstance(each.default, bool):
            assert default == str(each.default), option


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("prot: 1", "mock.yaml:1: unknown option prot (did you mean port?)"),
        ("[1]", "is not a list of options"),
        ("port: 99999999", "99999999 is not in the range"),
        ("idle: soon", "'soon' is not a duration; write 90s, 30m, 1h, or 0 for never"),
        ("a: b: c", "mock.yaml:1: is not YAML"),
    ],
)
def test_a_config_file_that_is_wrong_is_a_sentence(tmp_path, config, message):
    file = tmp_path / "mock.yaml"
    file.write_text(config)
    assert message in _refused("--config", str(file))
    assert "nowhere.yaml:1: cannot be read" in _refused("--config", "nowhere.yaml")


def test_witnesses_are_printed():
    result = CliRunner().invoke(main, ["witnesses", "--base", "http://mock:1/"])
    assert result.exit_code == 0
    assert f"shareInfo/5106\n  curl -sS -X POST 'http://mock:1{URL}?" in result.output
    found = json.loads(CliRunner().invoke(main, ["witnesses", "--json"]).output)
    assert set(found) == {outcome for each in CONTRACT.operations.values() for outcome in each.outcomes}


@pytest.fixture
def files(tmp_path):
    contract, world = tmp_path / "contract.yaml", tmp_path / "world.yaml"
    contract.write_text((ROOT / "openapi" / "device-sharing.yaml").read_text())
    world.write_text("sessions: [{token: t, uid: u}]\ndevices: [{pk: p, dk: d, owner: u}]\n")
    return contract, world


@pytest.fixture
def reloading(files):
    contract, world = files
    mock, said = Mock(openapi.load(contract, plain=True), Origin(openapi.read_document(world), {})), []
    client = create_app(mock).test_client()
    client.post("/_mock/worlds?name=other")
    return Reloader(mock, str(contract), said.append), said, client


def _share(client, base=""):
    query = {"pk": "p", "dk": "d", "acceptingExpireAt": "4102444800000"}
    return client.post(base + URL, query_string=query, headers={"Authorization": "t", "X-Q-Language": "en"}).json


def test_a_changed_world_file_begins_the_default_world_anew(files, reloading):
    reloader, said, client = reloading
    assert _share(client)["code"] == 200
    files[1].write_text("sessions: [{token: t, uid: u}]\n")
    reloader.check()
    assert (_share(client)["code"], _share(client, "/worlds/other")["code"]) == (5135, 200)
    client.post("/_mock/worlds/other/reset")
    assert _share(client, "/worlds/other")["code"] == 5135
    assert "began anew: default" in said[-1]


def test_a_changed_contract_is_served_and_worlds_keep_their_state(files, reloading):
    reloader, said, client = reloading
    _share(client, "/worlds/other")
    text = files[0].read_text()
    files[0].write_text(text.replace("Sharer successfully set device share information", "Done"))
    reloader.check()
    assert _share(client)["msg"] == "Done"
    assert len(client.get("/_mock/worlds/other/state").json["shares"]) == 1
    assert "began anew: default" in said[-1]


def test_other_tables_let_every_world_begin_anew(files, reloading):
    reloader, said, client = reloading
    _share(client, "/worlds/other")
    text = files[0].read_text()
    files[0].write_text(text.replace("verified: {type: boolean, default: true}", "verified: {type: boolean, default: false}"))
    reloader.check()
    assert said[-1].endswith("began anew: default, other")
    assert client.get("/_mock/worlds/other/state").json["shares"] == []
    assert _share(client, "/worlds/other")["code"] == 5360


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, "openapi: ["),
        (0, "openapi: 2.0.0"),
        (0, "openapi: 3.1.0\npaths: {/a: {get: {x-outcomes: }}}"),
        (0, "openapi: 3.1.0\nx: " + "[" * 100_000),
        (1, "nowhere: []"),
        (1, "{"),
        (1, "[" * 100_000),
    ],
)
def test_a_broken_file_keeps_what_was_there_and_says_why(files, reloading, place, text):
    reloader, said, client = reloading
    before = _share(client)["code"]
    files[place].write_text(text)
    reloader.check()
    assert (before, _share(client)["code"]) == (200, 200)
    assert re.search(rf"{files[place].name}:\d+: .*\nkept what was there before", said[-1])
    reloader.check()
    assert len(said) == 1


def test_nothing_that_goes_wrong_ends_reloading(files, reloading, monkeypatch):
    reloader, said, client = reloading
    text = files[0].read_text()
    with monkeypatch.context() as patch:
        patch.setattr("openapi.load", lambda *arguments, **more: 1 / 0)
        files[0].write_text(text + "\n")
        reloader.check()
    assert "cannot be read: ZeroDivisionError" in said[-1]
    files[0].write_text(text.replace("Sharer successfully set device share information", "Done"))
    reloader.check()
    assert _share(client)["msg"] == "Done"


def test_a_file_that_the_contract_refers_to_is_watched_too(tmp_path):
    contract, other = tmp_path / "contract.yaml", tmp_path / "other.yaml"
    responses = "{'200': {description: ok, content: {application/json: {schema: {$ref: other.yaml}}}}}"
    contract.write_text(f"openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths: {{/a: {{get: {{responses: {responses}}}}}}}\n")
    other.write_text("const: one\n")
    mock, said = Mock(openapi.load(contract, plain=True), Origin(openapi.parse_document("{}", "empty"))), []
    client, reloader = create_app(mock).test_client(), Reloader(mock, str(contract), said.append)
    assert client.get("/a").json == "one"
    other.write_text("const: another\n")
    reloader.check()
    assert client.get("/a").json == "another"
    reloader.check()
    assert len(said) == 1


def test_a_running_mock_looks_by_itself(files, served):
    process = served("--contract", str(files[0]), "--world", str(files[1]), "--quiet")
    files[1].write_text("sessions: []\n")
    query = {"pk": "p", "dk": "d", "acceptingExpireAt": "4102444800000"}
    for _ in range(100):
        if requests.post(process.base + URL, params=query, headers={"Authorization": "t"}, timeout=10).json()["code"] == 5032:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the changed world was not read")
    assert "read again" in _stopped(process)[2]
