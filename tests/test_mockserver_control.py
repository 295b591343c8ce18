"""The control plane: safe by default, and consistent with `openapi/control-plane.yaml`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

import openapi
from contracts.http.target import Target
from contracts.run.examination import Plan, examine
from mockserver import Bounds, Client, ControlError, Mock, Origin, create_app, running
from mockserver.control.access import Guard, is_loopback

CONTRACT = openapi.load()
DOCUMENT = Path(openapi.__file__).parent / "control-plane.yaml"
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
URL = CONTRACT.operations["shareInfo"].path


def _mock(**bounds):
    return Mock(CONTRACT, Origin(openapi.read_document(WORLD)), Bounds(**bounds))


@pytest.fixture
def client():
    return create_app(_mock()).test_client()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4010", "localhost.evil.example", "127.0.0.1.evil.example", ""])
def test_a_rebound_name_does_not_drive_the_control_plane(client, host):
    for method, path in (
        ("GET", "/_mock/worlds"),
        ("POST", "/_mock/worlds?name=a"),
        ("GET", "/_mock/health"),
        ("GET", "/_mock/x"),
    ):
        reply = client.open(path, method=method, headers={"Host": host})
        assert (reply.status_code, reply.content_type) == (421, "application/problem+json")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4010", "LOCALHOST", "a.localhost", "127.0.0.1:4010", "[::1]:4010", "10.0.0.7"]
)
def test_names_of_this_machine_and_addresses_drive_it(client, host):
    assert client.get("/_mock/worlds", headers={"Host": host}).status_code == 200


def test_a_name_may_be_allowed():
    client = create_app(_mock(), guard=Guard(hosts=frozenset({"mock"}))).test_client()
    assert client.get("/_mock/worlds", headers={"Host": "mock:4010"}).status_code == 200
    assert client.get("/_mock/worlds", headers={"Host": "other:4010"}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_origin_does_not_drive_the_control_plane(client, headers):
    for method, path in (("POST", "/_mock/worlds?name=a"), ("GET", "/_mock/worlds"), ("OPTIONS", "/_mock/worlds")):
        reply = client.open(path, method=method, headers=headers)
        assert reply.status_code == 403
        assert "Access-Control-Allow-Origin" not in reply.headers
    assert len(client.get("/_mock/worlds").json) == 1


def test_a_page_of_the_mock_itself_may(client):
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/_mock/worlds?name=a", headers=headers).status_code == 201


def test_cors_is_for_the_contract_and_never_for_the_control_plane():
    client = create_app(_mock(), cors=["*"]).test_client()
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}
    reply = client.options(URL, headers=asks)
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert (reply.headers["Access-Control-Allow-Headers"], reply.headers["Access-Control-Allow-Methods"]) == ("x-a", "POST")
    reply = client.post(URL, headers={"Origin": "https://app.example"})
    assert (reply.headers["Access-Control-Allow-Origin"], reply.headers["Mock-Outcome"]) == ("*", "shareInfo/5106")
    reply = client.options("/_mock/worlds", headers=asks)
    assert (reply.status_code, "Access-Control-Allow-Origin" in reply.headers) == (403, False)


def test_cors_may_be_for_one_origin():
    client = create_app(_mock(), cors=["https://app.example"]).test_client()
    allowed = [
        client.post(URL, headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")
        for origin in ("https://app.example", "https://evil.example")
    ]
    assert allowed == ["https://app.example", None]


def test_without_the_flag_no_page_reads_the_contract(client):
    reply = client.post(URL, headers={"Origin": "https://app.example"})
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize("sent", [None, "Bearer wrong", "Bearer", "Basic secret", "secret", "Bearer secrét"])
def test_a_token_is_wanted_for_everything_but_health(sent):
    client = create_app(_mock(), guard=Guard("secret")).test_client()
    headers = {} if sent is None else {"Authorization": sent}
    reply = client.get("/_mock/worlds", headers=headers)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert client.get("/_mock/health", headers=headers).status_code == 200
    assert client.get("/_mock/worlds", headers={"Authorization": "Bearer secret"}).status_code == 200


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)])
def test_what_only_this_machine_reaches(host, loopback):
    assert is_loopback(host) is loopback
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "mock.example", "")))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_mock/nothing", 404),
        ("GET", "/_mock/console/nothing", 404),
        ("PUT", "/_mock/worlds", 405),
        ("GET", "/_mock/worlds/nobody", 404),
        ("POST", "/_mock/worlds/default/snapshots/s9/restore", 404),
        ("DELETE", "/_mock/worlds/default/faults/x", 404),
        ("POST", "/_mock/worlds?name=a&name=b", 400),
        ("GET", "/_mock/worlds/default/journal?limit=0", 400),
        ("GET", "/_mock/worlds/default/journal?tainted=perhaps", 400),
        ("GET", "/_mock/worlds/default/journal?since=yesterday", 400),
    ],
)
def test_errors_are_problem_documents(client, method, path, status):
    reply = client.open(path, method=method)
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json")
    assert (reply.json["status"], bool(reply.json["detail"])) == (status, True)


def test_a_body_is_bounded_and_must_be_json(client):
    clock = "/_mock/worlds/default/clock"
    assert client.patch(clock, data=b" " * 9_000_000).status_code == 413
    assert client.patch(clock, data=b"{}", content_type="text/plain").status_code == 415
    assert client.patch(clock, data=b'{"frozen": NaN}').status_code == 400
    assert client.patch(clock, data=b"[" * 100_000).status_code == 400
    assert client.patch(clock, data=b'{"frozen": true}', content_type="application/x-www-form-urlencoded").status_code == 200


def test_a_document_in_chunks_is_bounded_and_never_cut(plain):
    def chunks():
        yield b"{"
        for _ in range(90):
            yield b" " * 100_000

    reply = requests.post(f"{plain.url}/_mock/worlds?name=large", data=chunks(), timeout=20)
    assert (reply.status_code, "larger than" in reply.json()["detail"]) == (413, True)


def test_the_document_is_served_and_describes_every_route(client):
    served = client.get("/_mock/openapi.json").json
    assert client.get("/_mock/openapi.yaml").data == DOCUMENT.read_bytes()
    assert served["paths"] == openapi.read_document(DOCUMENT).data["paths"]
    documented = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, item in openapi.read_document(DOCUMENT).data["paths"].items()
        for method in item
        if method != "parameters"
    }
    routes = {
        (method, str(rule))
        for rule in create_app(_mock()).url_map.iter_rules()
        for method in rule.methods - {"HEAD"}
        if str(rule) != "/_mock/openapi.yaml" and str(rule).startswith("/_mock/")
    }
    assert documented == routes


def test_the_commands_of_the_guide_are_understood(client):
    guide = (Path(__file__).parent.parent / "docs" / "mock.md").read_text()
    commands = re.findall(r"^curl (?:-X (\w+) )?\$W(/[\w/]+) -d '(.*?)'", guide, re.MULTILINE)
    assert len(commands) >= 5
    for method, path, body in commands:
        reply = client.open(f"/_mock/worlds/default{path}", method=method or "POST", data=body)
        assert reply.status_code < 300, reply.text


@pytest.mark.parametrize(
    "time", ["2030-01-31T12:00:00Z", "2028-02-29T00:00:00.5Z", "2030-12-31T23:59:59+02:00", "now - 90s", "0"]
)
def test_a_clock_understands_times(client, time):
    assert client.patch("/_mock/worlds/default/clock", json={"time": time}).status_code == 200


def test_a_time_that_is_none_is_explained(client):
    reply = client.patch("/_mock/worlds/default/clock", json={"time": "2030-02-30T12:00:00Z"})
    assert reply.json["detail"].startswith("time is not understood: it wants epoch ms, 2030-01-31T12:00:00Z, or a time relative")


def test_metrics_count_by_operation_and_outcome(client):
    client.post(URL)
    client.post("/_mock/worlds?name=a")
    client.post("/worlds/a" + URL)
    client.delete("/_mock/worlds/a")
    text = client.get("/_mock/metrics").text
    assert 'mockserver_requests_total{operation="shareInfo",outcome="shareInfo/5106"} 2.0' in text
    assert 'mockserver_latency_seconds_count{operation="shareInfo",outcome="shareInfo/5106"} 2.0' in text
    assert 'mockserver_latency_seconds_bucket{le="+Inf",operation="shareInfo",outcome="shareInfo/5106"} 2.0' in text


def test_a_client_says_what_was_refused():
    with running() as mock, pytest.raises(ControlError, match="there is no world nobody") as refused:
        mock.world("nobody")
    assert refused.value.status == 404


def test_a_client_brings_its_token():
    from mockserver.http.server import Server, listen

    server = Server(create_app(_mock(), guard=Guard("secret")), listen("127.0.0.1", 0), 2)
    try:
        assert Client(server.url, "secret").world().name == "default"
        with pytest.raises(ControlError, match="--token"):
            Client(server.url).world()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A mock of a minimal contract, whose control plane Schemathesis calls."""
    file = tmp_path_factory.mktemp("plain") / "plain.yaml"
    file.write_text("openapi: 3.1.0\ninfo: {title: P, version: '1'}\npaths: {/a: {get: {operationId: a, responses: {}}}}\n")
    with running(file, bounds=Bounds(worlds=2000)) as mock:
        yield mock


NAMES = """
# A name that the schema allows may be unknown to the contract that is served.
[[operations]]
include-operation-id = [
    "getJournal", "verifyJournal", "getRows", "addRow", "changeRow", "replayEntry", "sendWitness", "getConsole", "getConsoleFile",
]
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 403, 404, 409]
"""


def test_schemathesis_finds_no_failure(plain, tmp_path):
    (tmp_path / "schemathesis.toml").write_text(NAMES)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{plain.url}/_mock/openapi.json", "--seed", "1"),
        *("--max-examples", "5", "--suppress-health-check", "filter_too_much", "--no-color"),
        *("--exclude-operation-id", "getEvents"),  # whose replies do not end
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=240)
    assert run.returncode == 0, run.stdout[-6000:]
    assert "37/38" in run.stdout, run.stdout[:1500]


def test_the_projects_own_suite_finds_no_violation(plain, tmp_path):
    plain.create("other")
    file = tmp_path / "world.yaml"
    file.write_text("worlds: " + str([{"name": each["name"]} for each in plain.worlds()]))
    contract = openapi.load(DOCUMENT)
    contract = contract.only(*(contract.operations.keys() - {"getEvents"}))  # whose replies do not end
    record = examine(contract, openapi.load_world(file, contract, 0, {}), Target(plain.url), Plan(seed=1, walks=30))
    assert record.found("violation") == []
    verified = [outcome for outcome in record.outcomes if record.verdict(outcome) == "verified"]
    assert {"setClock/200", "createWorld/201", "createWorld/400", "restoreSnapshot/404", "verifyJournal/400"} < set(verified)
