"""Replies of operations without a decision table: status, headers, examples, media types; and bodies on the wire."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

import openapi
from mockserver import Mock, Origin, create_app, running
from openapi.decision.envelope import Envelope

REPLIES = """
openapi: 3.0.3
info: {title: Replies, version: '1'}
paths:
  /ranges:
    get:
      operationId: ranges
      responses:
        x-owner: team
        200: {description: ok, content: {application/json: {example: exact}}}
        2XX: {description: ok, content: {application/json: {example: range}}}
        4xx: {description: no, content: {application/json: {example: refused}}}
        500: {description: no, content: {application/json: {example: failed}}}
        default: {description: other, content: {application/json: {example: other}}}
  /default: {get: {operationId: default, responses: {default: {description: it, content: {application/json: {example: [1, 2]}}}}}}
  /range: {get: {operationId: range, responses: {2XX: {description: it}, 201.5: {description: none}}}}
  /interim: {get: {operationId: interim, responses: {'101': {description: switch}, '400': {description: bad}}}}
  /waits: {get: {operationId: waits, responses: {'100': {description: continue}}}}
  /moved:
    get:
      operationId: moved
      responses: {'302': {description: moved, headers: {Location: {schema: {type: string, example: /new}}}}}
  /headers:
    post:
      operationId: headers
      responses:
        '201':
          description: made
          headers:
            Location: {required: true, schema: {type: string, example: /orders/7}}
            X-Total: {schema: {type: integer}, example: 42}
            X-List: {schema: {type: array, items: {type: string}}, example: [a, b]}
            X-Yes: {schema: {type: boolean}}
            X-Says-Nothing: {schema: {type: string}}
            X-Break: {schema: {type: string, example: "a\\r\\nb: c"}}
            Content-Type: {schema: {type: string, example: text/evil}}
            'bad name': {schema: {type: string, example: x}}
  /user:
    get:
      operationId: user
      responses:
        '200':
          description: ok
          content:
            text/plain: {example: nobody}
            application/json: {examples: {plain: {value: {name: ann}}, admin: {$ref: '#/components/examples/Admin'}}}
            application/xml: {schema: {type: object, xml: {name: user}, properties: {name: {type: string}}}}
        '404': {description: none, content: {application/json: {examples: {gone: {value: gone}}}}}
  /any:
    get:
      operationId: any
      responses: {'200': {description: ok, content: {'*/*': {schema: {type: object, properties: {sold: {type: boolean}}}}}}}
  /media/{kind}: {get: {operationId: media, responses: {'200': {description: ok, content: {text/csv: {example: "a,b"}}}}}}
  /thing:
    delete: {operationId: gone, responses: {'204': {description: gone, content: {application/json: {example: {deleted: true}}}}}}
    get:
      operationId: thing
      responses:
        '200': {description: ok, content: {application/json: {example: {id: 1}}}}
        '304': {description: same, content: {application/json: {example: {id: 1}}}}
components:
  examples: {Admin: {value: {name: root}}}
"""


def contract_of(text, folder):
    file = folder / "contract.yaml"
    file.write_text(text)
    return openapi.load(file, plain=True)


def client_of(contract, **options):
    return create_app(Mock(contract, Origin(openapi.parse_document("{}", "empty"))), **options).test_client()


@pytest.fixture
def contract(tmp_path):
    return contract_of(REPLIES, tmp_path)


@pytest.fixture
def client(contract):
    return client_of(contract)


@pytest.mark.parametrize(
    ("path", "prefer", "status", "body"),
    [
        ("/ranges", None, 200, "exact"),
        ("/ranges", "code=206", 206, "range"),
        ("/ranges", "code=404", 404, "refused"),
        ("/ranges", 'foo=1, code="4XX"', 400, "refused"),
        ("/ranges", "code=500", 500, "failed"),
        ("/ranges", "code=503", 503, "other"),
        ("/ranges", "code=default", 500, "other"),
        ("/default", None, 200, [1, 2]),
        ("/default", "code=404", 404, [1, 2]),
        ("/range", None, 200, None),
        ("/interim", None, 400, None),
        ("/waits", None, 200, None),
        ("/moved", None, 302, None),
    ],
)
def test_an_exact_status_wins_over_a_range_and_that_over_default(client, path, prefer, status, body):
    reply = client.get(path, headers={"Prefer": prefer} if prefer else {})
    assert (reply.status_code, json.loads(reply.data) if reply.data else None) == (status, body)


@pytest.mark.parametrize("code", ["103", "600", "4040", "x-owner", "²00"])
def test_a_status_that_no_reply_can_have_is_refused(client, code):
    reply = client.get("/ranges", headers={"Prefer": f"code={code}".encode().decode("latin-1")})
    assert (reply.status_code, "ranges has no outcome" in reply.json["detail"]) == (400, True)


def test_what_is_no_status_is_noted(contract):
    assert "range: 201.5 is no status, no range such as 4XX and not default, so it is not served" in contract.notes
    assert "waits documents no final reply: it answers 200 without a body" in contract.notes
    assert not any("x-owner" in each for each in contract.notes)


def test_an_outcome_through_a_range_can_be_a_fault_and_is_in_the_journal(client):
    client.post("/_mock/worlds/default/faults", json={"operation": "ranges", "outcome": "404", "times": 1})
    assert client.get("/ranges").headers["Mock-Outcome"] == "ranges/404"
    assert client.get("/_mock/worlds/default/journal").json["entries"][0]["outcome"] == "ranges/404"


def test_documented_headers_are_sent_if_they_say_something_and_can_be_sent(client, contract):
    reply = client.post("/headers")
    assert [(name, value) for name, value in reply.headers if name not in ("Mock-Outcome", "Content-Length")] == [
        ("Location", "/orders/7"),
        ("X-Total", "42"),
        ("X-List", "a,b"),
        ("X-Yes", "true"),
    ]
    assert "headers/201: the value of the header X-Break cannot be sent" in contract.notes
    assert client.get("/moved").headers["Location"] == "/new"


@pytest.mark.parametrize(
    ("headers", "media", "text"),
    [
        ({}, "application/json", '{"name": "ann"}'),
        ({"Prefer": "example=admin"}, "application/json", '{"name": "root"}'),
        ({"Prefer": "example=gone; code=404"}, "application/json", '"gone"'),
        ({"Accept": "text/plain"}, "text/plain", "nobody"),
        ({"Accept": "text/html, text/*;q=0.5, application/json;q=0.1"}, "text/plain", "nobody"),
        ({"Accept": "*/*"}, "application/json", '{"name": "ann"}'),
        ({"Accept": "image/png"}, "application/json", '{"name": "ann"}'),
        ({"Accept": "application/xml"}, "application/xml", "<user><name>text</name></user>"),
        ({"Accept": "text/plain", "Prefer": "example=admin"}, "application/json", '{"name": "root"}'),
    ],
)
def test_accept_and_prefer_choose_among_the_documented_bodies(client, headers, media, text):
    reply = client.get("/user", headers=headers)
    assert (reply.headers["Content-Type"], reply.text.rpartition("\n")[2]) == (media, text)
    shown = client.get("/_mock/worlds/default/journal").json["entries"][0]["reply"]
    assert (json.loads(reply.text) if "json" in media else reply.text) == shown


def test_an_example_that_is_not_there_is_refused_with_the_nearest(client):
    assert client.get("/user", headers={"Prefer": "example=amdin"}).json["detail"] == (
        "Prefer: user/200 has no example amdin (did you mean admin?)"
    )
    assert "its document names none" in client.get("/any", headers={"Prefer": "example=x"}).json["detail"]


def test_any_media_type_is_json(client):
    reply = client.get("/any")
    assert (reply.headers["Content-Type"], reply.text) == ("application/json", '{"sold": true}')


@pytest.mark.parametrize(
    ("media", "example", "text"),
    [
        ("text/plain", True, "true"),
        ("text/plain", {"a": [None]}, '{"a": [null]}'),
        ("text/html", "<p>", "<p>"),
        ("application/x-www-form-urlencoded", {"a": "b c", "d": 1, "e": [1]}, "a=b+c&d=1&e=%5B1%5D"),
        ("application/x-ndjson", [{"a": 1}, 2], '{"a": 1}\n2\n'),
        ("text/event-stream", [{"a": 1}], 'data: {"a": 1}\n\n'),
        ("application/problem+json", "text", '"text"'),
        ("application/octet-stream", "ü", "ü"),
        ("image/png", {"a": False}, '{"a": false}'),
    ],
)
def test_a_body_has_the_format_of_its_media_type(tmp_path, media, example, text):
    response = {"description": "ok", "content": {media: {"example": example}}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"get": {"responses": {200: response}}}},
    }
    reply = client_of(contract_of(json.dumps(document), tmp_path)).get("/a")
    assert (reply.headers["Content-Type"], reply.get_data(as_text=True)) == (media, text)


def test_no_body_follows_204_304_and_head_on_the_wire(tmp_path):
    (tmp_path / "contract.yaml").write_text(REPLIES)
    with running(tmp_path / "contract.yaml") as mock, mock_connection(mock.url) as exchange:
        heads = [exchange("DELETE", "/thing"), exchange("GET", "/thing", "Prefer: code=304"), exchange("HEAD", "/thing")]
        assert [head.split(b"\r\n")[0] for head in heads] == [
            b"HTTP/1.1 204 No Content",
            b"HTTP/1.1 304 Not Modified",
            b"HTTP/1.1 200 OK",
        ]
        assert [b"Content-Length" in head for head in heads] == [False, False, True]
        assert exchange("GET", "/thing", body=True).endswith(b'{"id": 1}')


def mock_connection(url):
    """A function that sends one request on a connection, and reads one head, with its body only where there must be one."""
    import socket
    from contextlib import contextmanager
    from urllib.parse import urlsplit

    @contextmanager
    def connected():
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10) as connection:
            stream = connection.makefile("rb")

            def exchange(method, path, *headers, body=False):
                lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
                connection.sendall("\r\n".join(lines).encode())
                head = b"".join(iter(stream.readline, b"\r\n"))
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                return head + (stream.read(length) if body else b"")

            yield exchange

    return connected()


COMPRESSED = """
openapi: 3.1.0
info: {title: Compressed, version: '1'}
paths:
  /a:
    post:
      operationId: a
      requestBody: {content: {application/json: {schema: {type: object, required: [days], properties: {days: {type: integer}}}}}}
      responses: {'200': {description: ok}, '400': {description: no}}
      x-outcomes:
        - {status: 400, code: missing, missing: days}
        - {status: 400, code: bad, malformed: days}
        - {status: 200, data: days}
"""


@pytest.mark.parametrize(
    ("encoding", "compress", "status"),
    [
        ("gzip", gzip.compress, 200),
        ("GZIP ", gzip.compress, 200),
        ("deflate", zlib.compress, 200),
        ("identity", bytes, 200),
        ("br", bytes, 415),
        ("gzip", bytes, 400),
        ("gzip", lambda body: gzip.compress(body)[:-1], 400),
        ("gzip", lambda body: gzip.compress(body + b" " * 2_000_000), 413),
    ],
)
def test_a_compressed_body_is_read_within_the_bound(tmp_path, encoding, compress, status):
    client = client_of(contract_of(COMPRESSED, tmp_path))
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    reply = client.post("/a", data=compress(b'{"days": 7.0}'), headers=headers)
    assert reply.status_code == status
    assert reply.json == (7 if status == 200 else reply.json)


def test_the_body_of_a_row_without_a_code_and_a_message_has_neither():
    envelope = Envelope("/errcode", "/errmsg", None, {})
    assert envelope.body(None, "", None, {"token": "x"}) == {"token": "x"}
    assert envelope.body(0, "", None) == {"errcode": 0, "errmsg": ""}
    assert envelope.body(None, "ok", None) == {"errmsg": "ok"}
