"""What the console needs besides rows and events: its files, decision tables, life cycles, curl lines, requests sent again."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
import requests

import openapi
from mockserver import Bounds, ControlError, Mock, Origin, create_app, running
from mockserver.control import console as console_module
from mockserver.control.access import Guard
from mockserver.serving.curl import curl

CONTRACT = openapi.load()
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
URL = CONTRACT.operations["shareInfo"].path
ALICE = {"Authorization": "Bearer demo-token-alice"}
SHARE = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "4102444800000"}
W = "/_mock/worlds/default"


def _mock(**bounds):
    return Mock(CONTRACT, Origin(openapi.read_document(WORLD), {}), Bounds(**bounds))


@pytest.fixture
def client():
    return create_app(_mock(journal=5)).test_client()


def _share(client, **changes):
    return client.post(URL, query_string=SHARE | changes, headers=ALICE)


def _operation(client, name="shareInfo"):
    return next(each for each in client.get(f"{W}/operations").json if each["name"] == name)


# The page and its files


@pytest.fixture
def page(tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text("<!doctype html><title>Console</title>")
    (tmp_path / "console.js").write_text("export const a = 1;")
    (tmp_path / "LICENSE").write_text("MIT")
    (tmp_path / "inside").mkdir()
    (tmp_path.parent / "outside.txt").write_text("secret")
    monkeypatch.setattr(console_module.console, "__defaults__", (tmp_path,))
    return create_app(_mock(), guard=Guard("secret"), cors=["https://app.example"]).test_client()


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("/_mock/", "text/html; charset=utf-8"),
        ("/", "text/html; charset=utf-8"),
        ("/_mock/console/console.js", "text/javascript; charset=utf-8"),
        ("/_mock/console/LICENSE", "text/plain; charset=utf-8"),
    ],
)
def test_the_page_and_its_files_need_no_token_and_load_nothing_from_elsewhere(page, path, media):
    reply = page.get(path)
    assert (reply.status_code, reply.content_type) == (200, media)
    assert reply.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert (reply.headers["X-Content-Type-Options"], reply.headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert reply.headers["Cache-Control"] == "no-cache"
    again = page.get(path, headers={"If-None-Match": reply.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert page.get(path, headers={"Host": "evil.example"}).status_code == 421
    assert page.get(f"{W}/tables").status_code == 401


@pytest.mark.parametrize("file", ["nothing.js", "inside", "..%2Foutside.txt", "../outside.txt", "%2e%2e/outside.txt", "a%00.js"])
def test_no_name_leads_to_another_file(page, file):
    assert page.get(f"/_mock/console/{file}").status_code in (401, 404)


def test_the_short_path_leads_to_the_page(page):
    assert page.get("/_mock").headers["Location"].endswith("/_mock/")


def test_a_contract_may_have_the_root_for_itself(page, tmp_path):
    file = tmp_path / "root.yaml"
    file.write_text("openapi: 3.1.0\ninfo: {title: R, version: '1'}\npaths: {/: {get: {operationId: root, responses: {}}}}\n")
    client = create_app(Mock(openapi.load(file, plain=True), Origin(openapi.parse_document("{}", "empty")))).test_client()
    assert client.get("/").headers["Mock-Outcome"] == "root/200"
    assert client.get("/_mock/").content_type.startswith("text/html")


# Decision tables


def test_a_decision_table_counts_what_its_rows_have_answered(client):
    for changes in [{}] * 7 + [{"dk": "D004"}, {"dk": "nothing"}]:
        _share(client, **changes)
    operation = _operation(client)
    assert (operation["method"], operation["path"], operation["answered"]) == ("POST", URL, 9)
    assert operation["summary"].startswith("Set the share information")
    counts = {row["row"]: (row["outcome"], row["answered"]) for row in operation["rows"] if row["answered"]}
    twice = [row["row"] for row in operation["rows"] if row["outcome"] == "shareInfo/5135"]
    assert len(twice) > 1  # two rows have one outcome, and the journal keeps five entries
    assert {counts[row] for row in counts if row in twice} == {("shareInfo/5135", 1)}
    assert sum(count for outcome, count in counts.values() if outcome == "shareInfo/5135") == 2
    assert counts[CONTRACT.operations["shareInfo"].success.number] == ("shareInfo/200", 7)
    row = operation["rows"][0]
    assert row["line"] == f"{CONTRACT.file}:{CONTRACT.operations['shareInfo'].rules[0].line}"
    assert (row["kind"], bool(row["holds"])) == (CONTRACT.operations["shareInfo"].rules[0].kind, True)


def test_rows_count_what_the_journal_says_they_answered(client):
    client.post(f"{W}/faults", json={"drop": "reply", "times": 1})
    with pytest.raises(ConnectionError):
        _share(client)
    client.post(URL, query_string=SHARE, headers=ALICE | {"Prefer": "code=5134"})
    operation = _operation(client)
    named = [each["rule"]["row"] for each in client.get(f"{W}/journal").json["entries"] if each["rule"]]
    assert [row["row"] for row in operation["rows"] if row["answered"]] == named
    assert operation["answered"] == 2


def test_counts_begin_with_the_world_and_again_when_it_is_reset(client):
    _share(client)
    client.post("/_mock/worlds?name=fork&from=default")
    client.delete(f"{W}/journal")
    assert _operation(client)["answered"] == 1
    assert all(each["answered"] == 0 for each in client.get("/_mock/worlds/fork/operations").json)
    client.post(f"{W}/reset")
    assert _operation(client)["answered"] == 0
    _share(client)
    assert _operation(client)["answered"] == 1
    assert 'mockserver_requests_total{operation="shareInfo",outcome="shareInfo/200"} 2.0' in client.get("/_mock/metrics").text


def test_an_operation_without_a_summary_has_an_empty_one(tmp_path):
    file = tmp_path / "plain.yaml"
    file.write_text("openapi: 3.1.0\ninfo: {title: P, version: '1'}\npaths: {/a: {get: {operationId: a, responses: {}}}}\n")
    client = create_app(Mock(openapi.load(file, plain=True), Origin(openapi.parse_document("{}", "empty")))).test_client()
    (operation,) = client.get(f"{W}/operations").json
    assert (operation["name"], operation["summary"]) == ("a", "")
    assert client.get(f"{W}/tables").json == []
    assert client.get(f"{W}/lifecycle").json == {"tables": []}


# The life of a row

ORDERS = """openapi: 3.1.0
info: {title: Orders, version: '1'}
paths:
  /pay:
    post:
      operationId: pay
      parameters: [{name: id, in: query, required: true, schema: {type: string}}]
      x-let: {order: {find: orders, where: {id: id}}}
      x-outcomes:
        - {status: 400, missing: id}
        - {status: 404, missing: order}
        - {status: 409, when: order.paid}
        - {status: 200, then: [{update: orders, where: {id: id}, set: {paid: 'true'}}]}
      responses: {'200': {description: paid}, '404': {description: none}, '409': {description: paid before}}
x-state:
  orders:
    key: [id]
    phases: {paid: row.paid, open: 'true'}
    row: {required: [id], properties: {id: {type: string}, paid: {type: boolean, default: false}}}
"""


@pytest.mark.parametrize("filled_later", [False, True])
def test_a_life_cycle_has_phases_and_transitions(tmp_path, filled_later):
    file, rows = tmp_path / "orders.yaml", {"orders": [{"id": "o1"}]}
    file.write_text(ORDERS)
    mock = Mock(openapi.load(file), Origin(openapi.parse_document(json.dumps({} if filled_later else rows), "w")))
    client = create_app(mock).test_client()
    client.patch(f"{W}/state", json=rows)
    assert client.post("/pay?id=o1").status_code == 200  # it begins where the world did, or is now
    if filled_later:
        client.patch(f"{W}/state", json=rows)
    assert client.get(f"{W}/lifecycle").json == {
        "tables": [
            {
                "table": "orders",
                "phases": [{"name": "paid", "why": "row.paid"}, {"name": "open", "why": "true"}],
                "transitions": [{"from": "open", "to": "paid", "by": "pay"}],
            }
        ]
    }


# curl lines


def _ran(line):
    return json.loads(subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=20).stdout)


@pytest.fixture(scope="module")
def plain():
    with running() as mock:
        yield mock


@pytest.mark.parametrize(
    ("query", "form", "headers"),
    [
        (SHARE, None, ALICE),
        (None, SHARE, ALICE | {"X-Q-Language": "zh"}),
        ({**SHARE, "dk": "D001'; echo $HOME `id` \n\\ ${HOME} 设备"}, None, {}),
        (None, {**SHARE, "dk": "@/etc/passwd\r\n"}, {}),
        (SHARE, None, {"Prefer": "code=5134"}),
    ],
)
def test_a_curl_line_sends_the_same_request_again(plain, query, form, headers):
    if subprocess.run(["which", "curl"], capture_output=True).returncode:
        pytest.skip("there is no curl")
    world = plain.create()
    requests.post(f"{world.url}{URL}", params=query, data=form, headers=headers, timeout=20)
    line = world.journal.entries()[0]["curl"]
    assert "\n" not in line and "demo-token" not in line
    _ran(line.replace("[redacted]", "Bearer demo-token-alice"))
    again, first = world.journal.entries()
    assert again["request"] == first["request"]
    assert again["outcome"] == first["outcome"]
    assert again["curl"] == line


def test_a_curl_line_shows_secrets_only_with_the_token():
    client = create_app(_mock(), guard=Guard("secret")).test_client()
    _share(client)
    token = {"Authorization": "Bearer secret"}
    hidden, shown = (client.get(f"{W}/journal{query}", headers=token).json["entries"][0] for query in ("", "?secrets=true"))
    assert ("demo-token-alice" in hidden["curl"], "demo-token-alice" in shown["curl"]) == (False, True)


LOGIN = """openapi: 3.1.0
info: {title: L, version: '1'}
paths:
  /login/{realm}:
    post:
      operationId: login
      parameters: [{name: realm, in: path, required: true, schema: {type: string}}]
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {user: {type: string}, password: {type: string, format: password}}}
      x-outcomes: [{status: 400, malformed: [user, password]}, {status: 200}]
      responses: {'200': {description: in}, '400': {description: no}}
"""


@pytest.mark.parametrize(
    "body",
    ['{"user": "a", "password": "hunter22"}', '{"password": "hunter22"', '{"password": "hunter22", "more": [1]}', "hunter22"],
)
def test_a_password_in_a_body_is_in_no_curl_line(tmp_path, body):
    file = tmp_path / "login.yaml"
    file.write_text(LOGIN)
    client = create_app(Mock(openapi.load(file), Origin(openapi.parse_document("{}", "w")))).test_client()
    client.post("/login/a%20b", data=body, content_type="application/json")
    line = client.get(f"{W}/journal").json["entries"][0]["curl"]
    assert "hunter22" not in line and "[redacted]" in line
    assert shlex.split(line)[4] == "http://localhost/login/a%20b"


def test_a_body_without_secrets_is_sent_as_it_came(tmp_path):
    file = tmp_path / "login.yaml"
    file.write_text(LOGIN)
    client = create_app(Mock(openapi.load(file), Origin(openapi.parse_document("{}", "w")))).test_client()
    body = '{"user":  "a", "large": 9223372036854775807}'
    client.post("/login/a", data=body, content_type="application/json")
    assert shlex.split(client.get(f"{W}/journal").json["entries"][0]["curl"])[-2:] == ["--data-raw", body]


def test_an_entry_with_the_beginning_of_a_request_has_no_curl_line(client):
    _share(client, dk="d" * 9000)
    assert client.get(f"{W}/journal").json["entries"][0]["curl"] is None


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        ({"method": "HEAD", "url": "http://a/", "headers": {}}, "curl -sS -I http://a/"),
        ({"method": "GET", "url": "http://a/[x]", "headers": {"A": ""}}, "curl -sS -X GET -g 'http://a/[x]' -H 'A;'"),
        (
            {"method": "POST", "url": "http://a/", "headers": {}, "data": "it's\n\u2028"},
            "--data-raw $'it\\'s\\x0a\\xe2\\x80\\xa8'",
        ),
    ],
)
def test_a_curl_line_is_one_line_and_means_one_request(request_, part):
    assert part in curl(request_)


# The journal after a number, requests sent again


def test_the_journal_after_a_number(client):
    for _ in range(7):
        _share(client)

    def numbers(query):
        return [each["number"] for each in client.get(f"{W}/journal?{query}").json["entries"]]

    assert numbers("after=4") == [7, 6, 5]
    assert numbers("after=4&limit=1") == [7]
    assert numbers("after=0") == [7, 6, 5, 4, 3]
    assert numbers("after=7") == numbers("after=100") == []
    assert client.get(f"{W}/journal?after=-1").status_code == 400


def test_a_call_is_answered_again_as_a_new_entry(plain):
    world = plain.create()
    requests.post(f"{world.url}{URL}", params=SHARE, headers=ALICE, timeout=20)
    requests.post(f"{world.url}{URL}", params=SHARE, headers=ALICE | {"Prefer": "code=5134"}, timeout=20)
    again = world.journal.replay(1)
    assert (again["number"], again["outcome"], again["tainted"]) == (3, "shareInfo/200", False)
    assert again == world.journal.entries()[0]
    assert "demo-token" not in json.dumps(again)
    assert (world.journal.replay(2)["outcome"], world.journal.replay(2)["tainted"]) == ("shareInfo/5134", True)
    world.write(sessions=[{"token": "demo-token-alice", "uid": "C10000001", "expiresAt": "now - 1d"}])
    assert world.journal.replay(1)["outcome"] == "shareInfo/5032"


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "01"])
def test_an_entry_that_is_not_there_is_a_sentence(client, number):
    _share(client)
    reply = client.post(f"{W}/journal/{number}/replay")
    assert (reply.status_code, f"no entry {number}" in reply.json["detail"]) == (404, True)


def test_a_large_request_cannot_be_answered_again(client):
    _share(client, dk="d" * 9000)
    reply = client.post(f"{W}/journal/1/replay")
    assert (reply.status_code, "only the beginning" in reply.json["detail"]) == (409, True)
    assert len(client.get(f"{W}/journal").json["entries"]) == 1


def test_an_outcome_is_reached_by_its_witness(plain):
    world = plain.create()
    entry = world.reach("shareInfo/5135")
    assert (entry["outcome"], entry) == ("shareInfo/5135", world.journal.entries()[0])
    world.reach("shareInfo/200")
    assert sum(row["answered"] for each in world.operations() for row in each["rows"]) == 2
    with pytest.raises(ControlError, match="this world does not reach shareByUid/5864: ") as refused:
        world.reach("shareByUid/5864")
    assert refused.value.status == 409
    with pytest.raises(ControlError, match="did you mean shareInfo/51") as refused:
        world.reach("shareInfo/513")
    assert refused.value.status == 404


@pytest.mark.parametrize(("name", "most"), [("payments", 4), ("signed-requests", 1), ("articles", 4)])
def test_a_witness_is_sent_as_a_client_would_send_it(name, most):
    """Also where a client signs its requests, sends JSON, or headers of its own."""
    folder = Path(openapi.__file__).parent
    with running(folder / f"{name}.yaml", folder / "worlds" / f"{name}.yaml") as mock:
        successes = [each.success.outcome for each in openapi.load(folder / f"{name}.yaml").operations.values()]
        for outcome in successes[:most]:
            assert mock.create().reach(outcome)["outcome"] == outcome


# Pages of other origins

NAMED = {"Origin": "https://app.example"}
PREFLIGHT = NAMED | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def test_a_page_of_a_named_origin_may_send_credentials_and_read_headers_by_name():
    client = create_app(_mock(), cors=["https://app.example"]).test_client()
    preflight = client.options(URL, headers=PREFLIGHT).headers
    assert (preflight["Access-Control-Allow-Origin"], preflight["Access-Control-Allow-Credentials"]) == (NAMED["Origin"], "true")
    assert "*" not in (preflight["Access-Control-Allow-Methods"], preflight["Access-Control-Allow-Headers"])
    for path in (URL, "/nowhere"):
        headers = client.post(path, headers=NAMED).headers
        assert (headers["Access-Control-Allow-Origin"], headers["Access-Control-Allow-Credentials"]) == (NAMED["Origin"], "true")
        shown = headers["Access-Control-Expose-Headers"].split(", ")
        assert "*" not in shown and "Content-Type" in shown
        assert headers["Vary"] == "Origin"
    assert "Mock-Outcome" in client.post(URL, headers=NAMED).headers["Access-Control-Expose-Headers"].split(", ")
    assert "Access-Control-Allow-Credentials" not in client.post(URL, headers={"Origin": "https://evil.example"}).headers


@pytest.mark.parametrize(("cors", "origin", "allowed"), [(["*"], "https://app.example", "*"), (["null"], "null", "null")])
def test_pages_of_any_origin_send_no_credentials(cors, origin, allowed):
    client = create_app(_mock(), cors=cors).test_client()
    for reply in (client.post(URL, headers={"Origin": origin}), client.options(URL, headers=PREFLIGHT | {"Origin": origin})):
        assert reply.headers["Access-Control-Allow-Origin"] == allowed
        assert reply.headers["Access-Control-Expose-Headers"] == "*"
        assert "Access-Control-Allow-Credentials" not in reply.headers


def test_a_named_origin_comes_before_all_others():
    client = create_app(_mock(), cors=["*", "https://app.example"]).test_client()
    origins = ("https://app.example", "https://other.example")
    assert [client.post(URL, headers={"Origin": each}).headers["Access-Control-Allow-Origin"] for each in origins] == [
        "https://app.example",
        "*",
    ]
