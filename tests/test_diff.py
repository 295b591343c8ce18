"""`contracts diff`: each rule in both directions, real and hostile documents, and docs/diff.md."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import openapi
from contracts.cli.main import main

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "openapi" / "worlds" / "demo.yaml"
OPENAPI = ROOT / "openapi"
C, S, CS, N = "breaking for clients", "breaking for servers", "breaking for clients and servers", "compatible"

TABLE = """
openapi: 3.1.0
info: {title: Shelves, version: '1'}
servers: [url: /]
security: [token: []]
x-let:
  caller: {find: people, where: {token: token}}
x-outcomes:
  - {code: 1, missing: token}
  - {code: 2, missing: caller}
paths:
  /books/{isbn}:
    get:
      operationId: book
      parameters:
        - {name: isbn, in: path, required: true, schema: {type: string}}
        - {name: count, in: query, schema: {type: integer, minimum: 0, maximum: 10, default: 1}}
        - {name: sort, in: query, schema: {type: string, enum: [up, down]}}
        - {name: tags, in: query, schema: {type: array, items: {type: string}}}
        - {name: lang, in: query, schema: {type: string}}
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema:
                type: object
                required: [code, title]
                properties:
                  code: {type: integer}
                  title: {type: string, maxLength: 80}
                  state: {type: string, enum: [free, lent]}
      x-let:
        book: {find: books, where: {isbn: isbn}}
      x-outcomes:
        - {code: 3, malformed: count}
        - {code: 4, missing: book}
        - {code: 5, when: book.lent && count > 3}
        - {code: 6, when: book.owner != caller.name, assumed: nobody knows}
        - {code: 7, when: count == 9, permitted: nobody knows}
        - {code: 9, malformed: [sort, tags]}
        - code: 0
          data: {title: book.title, owner: book.owner}
    post:
      operationId: lend
      parameters:
        - {name: isbn, in: path, required: true, schema: {type: string}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [days]
              properties: {days: {type: integer, minimum: 1}, note: {type: string}}
      responses: {'200': {description: ok}}
      x-let:
        book: {find: books, where: {isbn: isbn}}
      x-outcomes:
        - {code: 8, missing: days}
        - {code: 8, malformed: [days, note]}
        - {code: 4, missing: book}
        - {code: 5, when: book.lent}
        - code: 0
          mint: {id: uuid()}
          then:
            - {update: books, where: {isbn: isbn}, set: {lent: true}}
            - {insert: loans, row: {id: id, isbn: isbn}}
          data: {id: id}
components:
  securitySchemes:
    token: {type: apiKey, in: header, name: Authorization}
x-messages:
  '0': {en: fine, de: gut}
  '1': {en: a token, de: Token}
  '2': {en: who, de: wer}
  '3': {en: bad, de: schlecht}
  '4': {en: no book, de: kein Buch}
  '5': {en: lent, de: verliehen}
  '6': {en: not yours, de: fremd}
  '7': {en: never, de: nie}
  '8': {en: days, de: Tage}
  '9': {en: nine, de: neun}
x-envelope: {code: /code, message: /msg, data: /data, body: {code: 0}, language: X-Language}
x-readings: {case: exact, form: {is: read, assumed: nobody knows}}
x-state:
  people: {key: [token], row: {required: [name], properties: {token: {type: string}, name: {type: string}}}}
  books:
    key: [isbn]
    row:
      required: [title, owner]
      properties:
        isbn: {type: string}
        title: {type: string}
        owner: {type: string}
        lent: {type: boolean, default: false}
  loans: {key: [id], row: {required: [isbn], properties: {id: {type: string}, isbn: {type: string}}}}
"""
WORLD = """
people: [{token: secret-a, name: ann}, {token: secret-b, name: bob}]
books: [{isbn: '11', title: One, owner: ann}, {isbn: '22', title: Two, owner: bob, lent: true}]
loans: []
"""
BASE = yaml.safe_load(TABLE)
PLAIN = {
    **{key: each for key, each in BASE.items() if not key.startswith("x-")},
    "paths": {
        path: {method: {key: each for key, each in node.items() if key[:2] != "x-"} for method, node in item.items()}
        for path, item in BASE["paths"].items()
    },
}
"""The same API without decision tables."""
BOOK, LEND = BASE["paths"]["/books/{isbn}"]["get"], BASE["paths"]["/books/{isbn}"]["post"]


class Ran(list):
    """The lines of a run as (kind, operation, sentence), with its exit code and its whole output."""

    def __init__(self, result):
        self.code, self.text = result.exit_code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        pattern = r"^(breaking for [a-z ]+|compatible): (\S+?):(\d+): ([^:]*): (.*)$"
        super().__init__((kind, name, what) for kind, _, _, name, what in re.findall(pattern, self.text, re.MULTILINE))


@pytest.fixture
def diff(tmp_path):
    def run(old, new, *options, world=None, suffix="yaml"):
        files = []
        for name, each in (("old", old), ("new", new)):
            file = tmp_path / f"{name}.{suffix}"
            text = each if isinstance(each, str) else yaml.safe_dump(each, sort_keys=False, allow_unicode=True)
            file.write_text(text)
            files.append(str(file))
        if world:
            (tmp_path / "world.yaml").write_text(world)
            options = (*options, "--world", str(tmp_path / "world.yaml"))
        return Ran(CliRunner().invoke(main, ["diff", *files, *options]))

    return run


def changed(path, value=None, *, of=BASE):
    """The document with another value at a path such as `paths//books/{isbn}/get/...`, given as a list; `del` removes it."""
    found = copy.deepcopy(of)
    *parents, last = path
    here = found
    for key in parents:
        here = here[key]
    if value is DELETED:
        del here[last]
    elif isinstance(here, list) and last == len(here):
        here.append(value)
    else:
        here[last] = value
    return found


DELETED = object()
HEAD = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}}
BOOK_REPLY = BOOK["responses"]["200"]["content"]["application/json"]["schema"]
GET, POST = ["paths", "/books/{isbn}", "get"], ["paths", "/books/{isbn}", "post"]
ROWS, PARAMETERS = [*GET, "x-outcomes"], [*GET, "parameters"]
REPLY = [*GET, "responses", "200", "content", "application/json", "schema"]
BODY = [*POST, "requestBody", "content", "application/json", "schema"]
RENAMED = {**BOOK["parameters"][4], "name": "language"}
OTHER = {"operationId": "other", "responses": {"200": {"description": "ok"}}, "x-outcomes": [{"code": 0}]}
NULLABLE = {"type": ["string", "null"], "maxLength": 80}

OF_ALL = {
    # name: (path, value, [what OLD → NEW says], [what NEW → OLD says])
    "operation removed": (POST, DELETED, [(C, "is gone")], [(S, "new operation POST")]),
    "operation renamed": ([*GET, "operationId"], "theBook", [(N, "operationId is theBook")], [(N, "operationId is book,")]),
    "base path": (["servers"], [{"url": "/v1"}], [(C, "base path /$"), (S, "base path /v1")], [(C, "/v1$"), (S, "path /$")]),
    "operation deprecated": ([*GET, "deprecated"], True, [(N, "is deprecated")], []),
    "parameter removed": ([*PARAMETERS, 4], DELETED, [(C, r"lang \(query\) is gone")], [(S, r"new optional parameter lang")]),
    "parameter required": (
        [*PARAMETERS, 4, "required"],
        True,
        [(C, "is required now")],
        [(S, "is no longer required")],
    ),
    "parameter renamed": (
        [*PARAMETERS, 4],
        RENAMED,
        [(CS, r"lang \(query\) is called language")],
        [(CS, r"language \(query\) is called lang")],
    ),
    "parameter moved": (
        [*PARAMETERS, 4, "in"],
        "header",
        [(CS, "is in: header, and was in: query")],
        [(CS, "is in: query, and was in: header")],
    ),
    "parameter style": (
        [*PARAMETERS, 3, "explode"],
        False,
        [(CS, "style form, explode false, and was with style form, explode true")],
        [(CS, "style form, explode true")],
    ),
    "parameter schema": (
        [*PARAMETERS, 4, "schema"],
        DELETED,
        [(S, "lang .* has no schema any more")],
        [(C, "lang .* has a schema now")],
    ),
    "parameter separator": (
        [*PARAMETERS, 3, "style"],
        "pipeDelimited",
        [(CS, "style pipeDelimited, explode false, and was with style form, explode true")],
        [(CS, "style form, explode true, and was with style pipeDelimited, explode false")],
    ),
    "parameter that may be empty": (
        [*PARAMETERS, 4, "allowEmptyValue"],
        True,
        [(S, "may be empty now")],
        [(C, "may no longer be empty")],
    ),
    "parameter type": (
        [*PARAMETERS, 4, "schema", "type"],
        "integer",
        [(CS, "the type is integer, and was string")],
        [(CS, "the type is string, and was integer")],
    ),
    "parameter format": (
        [*PARAMETERS, 4, "schema", "format"],
        "date",
        [(C, 'format is "date", and was none')],
        [(S, 'format is none, and was "date"')],
    ),
    "parameter minimum": (
        [*PARAMETERS, 1, "schema", "minimum"],
        1,
        [(C, "the lowest value is 1, and was 0")],
        [(S, "the lowest value is 0, and was 1")],
    ),
    "parameter length": (
        [*PARAMETERS, 4, "schema", "maxLength"],
        5,
        [(C, "maxLength is 5, and was none")],
        [(S, "maxLength is none, and was 5")],
    ),
    "parameter pattern": (
        [*PARAMETERS, 4, "schema", "pattern"],
        "^a",
        [(C, r'pattern is "\^a"')],
        [(S, "pattern is none")],
    ),
    "parameter default": (
        [*PARAMETERS, 1, "schema", "default"],
        2,
        [(CS, "the default is 2, and was 1")],
        [(CS, "the default is 1, and was 2")],
    ),
    "parameter enumeration": (
        [*PARAMETERS, 2, "schema", "enum"],
        ["up"],
        [(C, 'no longer one of its values: "down"')],
        [(S, 'new among its values: "down"')],
    ),
    "security needed": (
        ["security"],
        [{}, {"token": []}],
        [(S, "a request with no credential has to be let in")],
        [(C, "a request with no credential is no longer let in: it needs token")],
    ),
    "security in another place": (
        ["components", "securitySchemes", "token", "name"],
        "X-Token",
        [(C, "token is no longer let in"), (S, "token has to be let in")],
        [(C, "token is no longer let in"), (S, "token has to be let in")],
    ),
    "property of a body removed that was required": (
        [*BODY],
        {"type": "object", "properties": {"note": {"type": "string"}}},
        [(CS, "/days: the property is not read any more")],
        [(CS, "/days: a new required property")],
    ),
    "body": (
        [*POST, "requestBody"],
        DELETED,
        [(CS, "the request has no body any more")],
        [(CS, "the request has a new required body")],
    ),
    "body not required": (
        [*POST, "requestBody", "required"],
        False,
        [(S, "the request is no longer required")],
        [(C, "the request is required now")],
    ),
    "body property": (
        [*BODY, "properties", "note"],
        DELETED,
        [(C, "/note: the property is not read any more")],
        [(S, "/note: a new property, which servers have to read")],
    ),
    "body property required": (
        [*BODY, "required"],
        ["days", "note"],
        [(C, "/note: the property is required now")],
        [(S, "/note: the property is no longer required")],
    ),
    "body default": (
        [*BODY, "properties", "note", "default"],
        "x",
        [(CS, '/note: the default is "x", and was none')],
        [(CS, '/note: the default is gone, and was "x"')],
    ),
    "body media type": (
        [*POST, "requestBody", "content", "text/plain"],
        {"schema": {"type": "string"}},
        [(S, "may be text/plain too")],
        [(C, "is no longer text/plain")],
    ),
    "reply property": (
        [*REPLY, "properties", "state"],
        DELETED,
        [(C, "/state: the property is not sent any more")],
        [(N, "/state: a new property")],
    ),
    "reply property required": (
        [*REPLY, "required"],
        ["code"],
        [(C, "/title: the property is no longer required")],
        [(S, "/title: the property is required now")],
    ),
    "reply property with a new one in a closed object": (
        [*REPLY],
        {**BOOK_REPLY, "additionalProperties": False, "properties": {**BOOK_REPLY["properties"], "more": {}}},
        [(S, "not named are no longer allowed"), (N, "/more: a new property")],
        [(C, "not named are allowed now"), (C, "/more: the property is not sent any more")],
    ),
    "reply alternative": (
        [*REPLY, "properties", "state"],
        {"oneOf": [{"type": "string", "enum": ["free", "lent"]}, {"type": "integer", "title": "count"}]},
        [(C, "")],
        [(S, "")],
    ),
    "reply enumeration": (
        [*REPLY, "properties", "state", "enum"],
        ["free", "lent", "lost"],
        [(C, 'new among its values: "lost"')],
        [(S, 'no longer one of its values: "lost"')],
    ),
    "reply type": (
        [*REPLY, "properties", "code", "type"],
        "string",
        [(CS, "/code: the type is string")],
        [(CS, "/code: the type is integer")],
    ),
    "reply null": (
        [*REPLY, "properties", "title"],
        NULLABLE,
        [(C, "/title: the value may be null now")],
        [(S, "/title: the value is no longer null")],
    ),
    "reply null in another way": (
        [*REPLY, "properties", "title"],
        {"anyOf": [{"type": "string", "maxLength": 80}, {"type": "null"}]},
        [(C, "/title: the value may be null now")],
        [(S, "/title: the value is no longer null")],
    ),
    "reply length": (
        [*REPLY, "properties", "title", "maxLength"],
        90,
        [(C, "maxLength is 90, and was 80")],
        [(S, "maxLength is 80, and was 90")],
    ),
    "reply closed": (
        [*REPLY, "additionalProperties"],
        False,
        [(S, "properties that are not named are no longer allowed")],
        [(C, "properties that are not named are allowed now")],
    ),
    "reply media type": (
        [*GET, "responses", "200", "content", "text/csv"],
        {"schema": {"type": "string"}},
        [(S, "may be text/csv too")],
        [(CS, "is no longer text/csv")],
    ),
    "reply header": (
        [*GET, "responses", "200", "headers"],
        {"X-Left": {"required": True, "schema": {"type": "integer"}}},
        [(S, "new required header x-left")],
        [(C, "no header x-left any more")],
    ),
}
OF_TABLES = {
    "values of a parameter": (
        [*PARAMETERS, 1, "schema", "maximum"],
        5,
        [(C, "the highest value is 5"), (CS, r"the row 3 \(malformed: count\) holds for more values of count")],
        [(S, "the highest value is 10"), (S, r"the row 3 \(malformed: count\) holds for fewer values of count")],
    ),
    "values of a body": (
        [*BODY, "properties", "days", "minimum"],
        2,
        [(C, "/days: the lowest value is 2"), (CS, "holds for more values of days")],
        [(S, "/days: the lowest value is 1"), (S, "holds for fewer values of days")],
    ),
    "row removed": (
        [*ROWS, 1],
        DELETED,
        [(S, r"the row 4 \(missing: book\) is gone")],
        [(CS, r"there is a new row 4 \(missing: book\)")],
    ),
    "assumed row removed": (
        [*ROWS, 3],
        DELETED,
        [(S, "the row 6 .* is gone; nothing gives 6 any more")],
        [(C, r"new row 6 .*\(assumed\); 6 is a new code")],
    ),
    "permitted row removed": (
        [*ROWS, 4],
        DELETED,
        [(S, "the row 7 .* is gone")],
        [(C, r"new row 7 .*\(permitted\)")],
    ),
    "row turned assumed": (
        [*ROWS, 1, "assumed"],
        "nobody knows",
        [(N, "is assumed, and was documented")],
        [(S, "is documented, and was assumed")],
    ),
    "row turned permitted": (
        [*ROWS, 2, "permitted"],
        "nobody knows",
        [(N, "is permitted, and was documented")],
        [(S, "is documented, and was permitted")],
    ),
    "assumed row turned permitted": (
        [*ROWS, 3],
        {"code": 6, "when": "book.owner != caller.name", "permitted": "nobody knows"},
        [(N, "is permitted, and was assumed")],
        [(N, "is assumed, and was permitted")],
    ),
    "condition on more names": (
        [*ROWS, 0, "malformed"],
        ["count", "sort"],
        [(CS, "condition of 3 is malformed: count, sort, and was malformed: count")],
        [(S, "condition of 3 is malformed: count, and was malformed: count, sort")],
    ),
    "condition with another expression": (
        [*ROWS, 2, "when"],
        "book.lent && count > 4",
        [(CS, "condition of 5 is when: book.lent && count > 4")],
        [(CS, "condition of 5 is when: book.lent && count > 3")],
    ),
    "condition on another name": (
        [*ROWS, 1, "missing"],
        "lang",
        [(CS, "condition of 4 is missing: lang, and was missing: book")],
        [(CS, "condition of 4 is missing: book, and was missing: lang")],
    ),
    "condition of an assumed row with one part more": (
        [*ROWS, 3, "missing"],
        "lang",
        [(S, "condition of 6 is missing: lang; when: ")],
        [(C, "condition of 6 is when: ")],
    ),
    "condition with one part less": (
        [*ROWS, 1],
        {"code": 4, "missing": "book", "when": "count > 1"},
        [(S, "condition of 4 is missing: book; when: count > 1")],
        [(CS, "condition of 4 is missing: book, and")],
    ),
    "code changed": ([*ROWS, 1, "code"], 9, [(CS, "the code is 9, and was 4")], [(CS, "the code is 4, and was 9")]),
    "status changed": (
        [*ROWS, 1, "status"],
        404,
        [(CS, "the code is 404:4, and was 4")],
        [(CS, "the code is 4, and was 404:4")],
    ),
    "success changed": ([*ROWS, 6, "code"], 9, [(CS, "the success is 9, and was 0")], [(CS, "the success is 0, and was 9")]),
    "data removed": (
        [*ROWS, 6, "data", "owner"],
        DELETED,
        [(C, "data of 0 no longer has /owner")],
        [(S, "data of 0 has /owner now")],
    ),
    "data changed": (
        [*ROWS, 6, "data", "owner"],
        "caller.name",
        [(CS, '/owner in the data of 0 is "caller.name", and was "book.owner"')],
        [(CS, '/owner in the data of 0 is "book.owner"')],
    ),
    "header of a row": (
        [*ROWS, 6, "headers"],
        {"ETag": "book.title"},
        [(S, 'headers of 0 has /ETag now: "book.title"')],
        [(C, "headers of 0 no longer has /ETag")],
    ),
    "more of the body": (
        [*ROWS, 4, "body"],
        {"success": False},
        [(S, "body of 7 has /success now: false")],
        [(C, "body of 7 no longer has /success")],
    ),
    "body of refusals": (
        ["x-envelope", "refusal"],
        {"success": False},
        [(N, "body of refusals to fill in")],
        [(N, "body of refusals to fill in")],
    ),
    "effect removed": (
        [*POST, "x-outcomes", 4, "then", 0],
        DELETED,
        [(CS, "after 0 this no longer happens: update books")],
        [(CS, "after 0 this happens now: update books")],
    ),
    "effect changed": (
        [*POST, "x-outcomes", 4, "then", 0, "set", "lent"],
        False,
        [(CS, "what happens after 0 changed, update books: /set/lent is false, and was true")],
        [(CS, "/set/lent is true, and was false")],
    ),
    "effects in another order": (
        [*POST, "x-outcomes", 4, "then"],
        LEND["x-outcomes"][4]["then"][::-1],
        [(CS, "the effects of 0 happen in another order")],
        [(CS, "the effects of 0 happen in another order")],
    ),
    "mint changed": (
        [*POST, "x-outcomes", 4, "mint", "id"],
        "'x' + uuid()",
        [(N, "invents id in another way")],
        [(N, "invents id in another way")],
    ),
    "message of a row": ([*ROWS, 1, "msg"], {"en": "a", "de": "b"}, [(N, "the message of 4")], [(N, "the message of 4")]),
    "message of the document": (["x-messages", "4", "en"], "a", [(N, "message of 4")], [(N, "message of 4")]),
    "let": (
        [*GET, "x-let", "book", "where", "title"],
        "isbn",
        [(CS, "the let book is find books where isbn: isbn, title: isbn, and was")],
        [(CS, "the let book is find books where isbn: isbn, and was")],
    ),
    "envelope": (["x-envelope", "code"], "/err", [(CS, "code of a reply is at /err")], [(CS, "code of a reply is at /code")]),
    "language header": (["x-envelope", "language"], "Lang", [(CS, "language is Lang")], [(CS, "language is X-Language")]),
    "blank body": (["x-envelope", "body"], {"code": 1}, [(N, "body to fill in")], [(N, "body to fill in")]),
    "reading stated": (
        ["x-readings", "trailing"],
        "exact",
        [(S, "trailing is exact, and was left open")],
        [(C, "trailing is left open, and was exact")],
    ),
    "reading assumed": (
        ["x-readings", "form"],
        {"is": "ignored", "assumed": "nobody knows"},
        [(N, r"form is ignored \(assumed\), and was read \(assumed\)")],
        [(N, r"form is read \(assumed\), and was ignored \(assumed\)")],
    ),
    "reading changed": (
        ["x-readings", "case"],
        "ignored",
        [(CS, "case is ignored, and was exact")],
        [(CS, "case is exact, and was ignored")],
    ),
    "column": (
        ["x-state", "books", "row", "properties", "pages"],
        {"type": "integer"},
        [(N, "worlds may have the new column pages")],
        [(N, "worlds may no longer have the column pages")],
    ),
    "column needed": (
        ["x-state", "books", "row", "required"],
        ["title", "owner", "lent"],
        [],
        [],
    ),
    "column without default": (
        ["x-state", "books", "row", "properties", "lent"],
        {"type": "boolean"},
        [(N, "the column lent of books has another schema")],
        [(N, "the column lent of books has another schema")],
    ),
    "table": (
        ["x-state", "shelves"],
        {"key": ["n"], "row": {"properties": {"n": {"type": "integer"}}}},
        [(N, "worlds may have a new table shelves")],
        [(N, "worlds may no longer have the table shelves")],
    ),
    "table gained": (
        ["paths", "/other"],
        {"get": OTHER},
        [(S, "there is a new operation GET /other")],
        [(C, "the operation GET /other is gone")],
    ),
}


def expect(ran, expected):
    said = [(kind, what) for kind, _, what in ran]
    for kind, pattern in expected:
        assert any(each == kind and re.search(pattern, what) for each, what in said), (kind, pattern, ran.text)
    assert {kind for kind, _ in said} == {kind for kind, _ in expected}, ran.text
    assert ran.code == int(any(kind != N for kind, _ in expected)), ran.text


@pytest.mark.parametrize("name", [*OF_ALL, *OF_TABLES])
def test_a_rule_says_who_breaks_in_both_directions(diff, name):
    path, value, forward, backward = (OF_ALL | OF_TABLES)[name]
    base = BASE if name in OF_TABLES else PLAIN
    other = changed(path, value, of=base)
    expect(diff(base, other), forward)
    expect(diff(other, base), backward)


def moved_up(document):
    """The same contract with the parameters at the path, and the let of an operation at the document."""
    found = copy.deepcopy(document)
    item = found["paths"]["/books/{isbn}"]
    for method in ("get", "post"):
        item[method]["parameters"] = item[method]["parameters"][1:]
        del item[method]["x-let"]
    found["x-let"]["book"] = BOOK["x-let"]["book"]
    item["parameters"] = [{"$ref": "#/components/parameters/isbn"}]
    found["components"]["parameters"] = {"isbn": BOOK["parameters"][0]}
    found["components"]["responses"] = {"Ok": item["get"]["responses"]["200"]}
    item["get"]["responses"] = {"200": {"$ref": "#/components/responses/Ok"}}
    return found


def rows_moved_down(document):
    found = copy.deepcopy(document)
    for method in ("get", "post"):
        node = found["paths"]["/books/{isbn}"][method]
        node["x-outcomes"] = [*found["x-outcomes"], *node["x-outcomes"]]
    del found["x-outcomes"]
    return found


def with_reply(schema, version="3.1.0", **schemas):
    found = changed(REPLY, schema, of=PLAIN)
    found["openapi"] = version
    found["components"] = {**found["components"], "schemas": schemas}
    return found


def shuffled(value):
    """The same data with the keys of each mapping in another order; but of languages the first is the default."""
    if isinstance(value, dict):
        return {key: value[key] if key == "x-messages" else shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


TOKEN = BASE["components"]["securitySchemes"]["token"]
PET = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "minLength": 2}, "b": {}}}
SAME = {
    "itself": (BASE, BASE),
    "comments and white space": (TABLE, "# a comment\n" + TABLE.replace("paths:\n", "\n\npaths:   # paths\n")),
    "the order of keys": (BASE, shuffled(BASE)),
    "white space in expressions": (TABLE, TABLE.replace("book.lent && count > 3", "'book.lent   &&   count>3'")),
    "parameters and lets at another level": (BASE, moved_up(BASE)),
    "rows at another level": (BASE, rows_moved_down(BASE)),
    "the order of parameters": (PLAIN, changed(PARAMETERS, BOOK["parameters"][::-1], of=PLAIN)),
    "another name of a schema": (
        with_reply({"$ref": "#/components/schemas/A"}, A=PET),
        with_reply({"$ref": "#/components/schemas/B"}, B=PET),
    ),
    "a schema in its place": (with_reply({"$ref": "#/components/schemas/A"}, A=PET), with_reply(PET)),
    "a schema in two parts": (
        with_reply(PET),
        with_reply({"allOf": [{**PET, "required": ["a"]}, {"required": ["b"]}, {"properties": {"b": {}}}]}),
    ),
    "alternatives in another order": (
        with_reply({"oneOf": [{"type": "integer"}, {"type": "object", "title": "x"}, {"type": "boolean"}]}),
        with_reply({"oneOf": [{"type": "boolean"}, {"type": "integer"}, {"type": "object", "title": "x"}]}),
    ),
    "null in words of 3.0": (
        with_reply({"type": "object", "properties": {"a": {"type": "string", "nullable": True, "enum": ["x"]}}}, "3.0.3"),
        with_reply({"type": "object", "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}}}),
    ),
    "limits in words of 3.0": (
        with_reply({"type": "integer", "minimum": 3, "exclusiveMinimum": True}, "3.0.3"),
        with_reply({"type": "integer", "exclusiveMinimum": 3}),
    ),
    "a limit of a parameter that says nothing": (
        BASE,
        changed([*PARAMETERS, 1, "schema"], {**BOOK["parameters"][1]["schema"], "allOf": [{"maximum": 20}]}),
    ),
    "one value": (with_reply({"const": 3}), with_reply({"enum": [3]})),
    "equal limits": (with_reply({"type": "integer", "minimum": 4}), with_reply({"type": "integer", "exclusiveMinimum": 3})),
    "descriptions and examples": (
        with_reply({**PET, "description": "a pet", "example": {}, "properties": {**PET["properties"], "b": {"title": "B"}}}),
        with_reply(PET),
    ),
    "the name of a credential": (
        PLAIN,
        {**PLAIN, "security": [{"key": []}], "components": {"securitySchemes": {"key": TOKEN}}},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_says_the_same_is_no_change(diff, name):
    for old, new in (SAME[name], SAME[name][::-1]):
        ran = diff(old, new)
        assert (ran.code, ran.text) == (0, "")


def test_the_name_of_a_part_of_the_path_is_no_matter_of_requests(diff):
    new = TABLE.replace("isbn}", "number}").replace("name: isbn, in: path", "name: number, in: path")
    new = new.replace("{find: books, where: {isbn: isbn}}", "{find: books, where: {isbn: number}}")
    new = new.replace("{update: books, where: {isbn: isbn}", "{update: books, where: {isbn: number}").replace(
        "row: {id: id, isbn: isbn}", "row: {id: id, isbn: number}"
    )
    for pair in ((TABLE, new), (new, TABLE)):
        ran = diff(*pair)
        assert {kind for kind, _, _ in ran} == {N} and ran.code == 0, ran.text
        assert all("requests do not show it" in what for _, _, what in ran), ran.text


ORDERS = {
    # name: (rows of NEW by their position in OLD, kind, sentence, world)
    "both can hold": ([0, 1, 3, 2, 4, 5, 6], C, "is checked (before|after) . .* now: a request that falls under it and", WORLD),
    "nobody knows": ([0, 1, 3, 2, 4, 5, 6], C, "a request may fall under it and", None),
    "one row moves past several": (
        [1, 2, 3, 0, 4, 5, 6],
        C,
        r"row 3 \(malformed: count\) is checked (after|before) 4 \(missing: book\), 5 .* a request that falls under it and 4",
        None,
    ),
    "one needs what the other misses": ([0, 2, 1, 3, 4, 5, 6], N, "no request falls under both", None),
    "the same in a world": ([0, 2, 1, 3, 4, 5, 6], N, "no request falls under both", WORLD),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_matters_where_a_request_falls_under_both(diff, name):
    order, kind, sentence, world = ORDERS[name]
    rows = [BOOK["x-outcomes"][at] for at in order]
    for old, new in ((BASE, changed(ROWS, rows)), (changed(ROWS, rows), BASE)):
        ran = diff(old, new, world=world)
        assert [each[0] for each in ran] == [kind] and re.search(sentence, ran[0][2]), ran.text
    if world and kind == C:
        assert re.search(r"this request got (5, and now gets 6|6, and now gets 5): curl .*/books/22\?count=", ran.text), ran.text


def test_the_order_of_permitted_rows_says_nothing(diff):
    rows = [BOOK["x-outcomes"][at] for at in (4, 0, 1, 2, 3, 5, 6)]
    ran = diff(BASE, changed(ROWS, rows))
    assert (ran.code, ran.text) == (0, "")


def without(*at):
    return changed(ROWS, [row for position, row in enumerate(BOOK["x-outcomes"]) if position not in at])


JUDGED = {
    # name: (NEW, [what OLD → NEW says], the request, [what NEW → OLD says])
    "refusal removed": (without(1, 2), [(S, "the row 5"), (S, "the row 4")], "got 4, and now gets 0", [(CS, "5"), (CS, "4")]),
    "condition changed": (
        changed([*ROWS, 2], {"code": 5, "when": "book.lent"}),
        [(CS, "condition of 5 is when: book.lent, and was when: book.lent && count > 3")],
        "got 6, and now gets 5",
        [(S, "condition of 5 is when: book.lent && count > 3")],
    ),
}


@pytest.mark.parametrize("name", JUDGED)
def test_in_a_world_requests_decide_and_are_shown(diff, name):
    new, forward, sentence, backward = JUDGED[name]
    ran = diff(BASE, new, world=WORLD)
    expect(ran, forward)
    assert re.search(rf"this request {sentence}: curl -sS -X GET", ran.text), ran.text
    expect(diff(new, BASE, world=WORLD), backward)


def test_a_row_that_changes_no_answer_is_compatible_in_a_world(diff):
    twice = [*BOOK["x-outcomes"][:3], {"code": 5, "when": "book.lent && count > 8"}, *BOOK["x-outcomes"][3:]]
    for old, new in ((BASE, changed(ROWS, twice)), (changed(ROWS, twice), BASE)):
        ran = diff(old, new, world=WORLD)
        assert [kind for kind, _, _ in ran] == [N], ran.text
        assert re.search(r"the \d+ requests that fall under it are answered as before", ran.text)
        assert diff(old, new).code == 1  # without a world nobody knows


def test_a_world_for_one_contract_only_is_noted(diff):
    other = changed(["x-state", "books", "row", "required"], ["title", "owner", "pages"])
    other["x-state"]["books"]["row"]["properties"]["pages"] = {"type": "integer"}
    ran = diff(BASE, other, world=WORLD)
    assert ran.code == 0 and "worlds need the new column pages of books" in ran.text
    assert re.search(r"note: requests are compared in an empty world, because one contract says: .*world.yaml:3: ", ran.text)
    assert diff(BASE, BASE, world="people: 5").code == 2


def test_secrets_of_a_world_are_not_printed(diff, monkeypatch):
    monkeypatch.setenv("ANN", "very-private-ann")
    monkeypatch.setenv("BOB", "very-private-bob")
    ran = diff(BASE, without(1, 2), world=WORLD.replace("secret-a", "'${ANN}'").replace("secret-b", "'${BOB}'"))
    assert "very-private" not in ran.text
    assert re.search(r'-H "Authorization: \$\{(ANN|BOB)\}"$', ran.text, re.MULTILINE), ran.text


def test_side_says_whose_breaks_count(diff):
    new = changed(["paths", "/other"], {"get": OTHER})
    assert [diff(BASE, new, *options).code for options in ((), ("--side", "clients"), ("--side", "servers"))] == [1, 0, 1]
    assert [diff(new, BASE, *options).code for options in ((), ("--side", "clients"), ("--side", "servers"))] == [1, 1, 0]


def test_a_moved_operation_is_known_by_its_name(diff):
    new = TABLE.replace("/books/{isbn}:", "/shelf/{isbn}:")
    ran = diff(TABLE, new)
    assert [(kind, name) for kind, name, _ in ran] == [(CS, "book"), (CS, "lend")], ran.text
    assert "the operation is GET /shelf/{isbn}, and was GET /books/{isbn}" in ran.text


def test_a_decision_table_that_comes_or_goes(diff):
    plain = copy.deepcopy(BASE)
    del plain["paths"]["/books/{isbn}"]["post"]["x-outcomes"], plain["paths"]["/books/{isbn}"]["post"]["x-let"]
    expect(diff(BASE, plain), [(C, "its decision table is gone")])
    expect(diff(plain, BASE), [(S, "it has a decision table now")])


PLAIN_REPLIES = {
    "reply removed": ([*GET, "responses"], {"201": {"description": "x"}}, [(C, "new reply 201"), (S, "reply 200 is gone")]),
    "covered by a range": ([*GET, "responses", "2XX"], BOOK["responses"]["200"], [(C, "new reply 2XX")]),
    "covered by default": ([*GET, "responses", "default"], {"description": "x"}, [(C, "new reply default")]),
    "no body": ([*GET, "responses", "200"], {"description": "x"}, [(CS, "200 has no body any more")]),
}


@pytest.mark.parametrize("name", PLAIN_REPLIES)
def test_replies_of_an_operation_without_a_table(diff, name):
    path, value, expected = PLAIN_REPLIES[name]
    expect(diff(PLAIN, changed(path, value, of=PLAIN)), expected)


def test_a_status_that_its_range_described_is_no_new_reply(diff):
    old = changed([*GET, "responses"], {"2XX": BOOK["responses"]["200"]}, of=PLAIN)
    assert diff(old, PLAIN).text.count("gone") == 1 and diff(old, PLAIN).code == 1
    new = changed([*GET, "responses", "201"], BOOK["responses"]["200"], of=old)
    assert diff(old, new).text == ""


def test_a_required_parameter_that_comes_or_goes_breaks_both(diff):
    old = changed([*PARAMETERS, 4, "required"], True, of=PLAIN)
    new = changed([*PARAMETERS, 4], DELETED, of=PLAIN)
    expect(diff(old, new), [(CS, r"lang \(query\) is gone: clients send it in vain")])
    expect(diff(new, old), [(CS, r"new required parameter lang \(query\)")])


def pet(kind):
    return {"type": "object", "required": ["a"], "properties": {"a": {"type": kind}}}


CLOSED = {**BOOK_REPLY, "additionalProperties": False}
ALTERNATIVES = [{"type": "string"}, {"type": "integer", "title": "count"}]
FURTHER = {
    # name: (the schema of OLD, that of NEW, what OLD → NEW says, what NEW → OLD says), all for a reply
    "closed on both sides": (
        CLOSED,
        {**CLOSED, "properties": {**CLOSED["properties"], "more": {}}},
        [(C, "/more: a new property")],
        [(CS, "/more: the property is not sent any more")],
    ),
    "alternatives": (
        {"oneOf": ALTERNATIVES},
        {"oneOf": [*ALTERNATIVES, {"type": "boolean", "title": "flag"}]},
        [(C, "there is a new alternative flag")],
        [(S, "the alternative flag is gone")],
    ),
    "inside an alternative": (
        {"anyOf": [pet("string"), {"type": "null"}, {"type": "integer"}]},
        {"anyOf": [{"type": "integer"}, pet("boolean"), {"type": "null"}]},
        [(CS, r"200 .anyOf \d./a: the type is boolean, and was string")],
        [(CS, r"200 .anyOf \d./a: the type is string, and was boolean")],
    ),
    "items": (
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array", "items": {"type": "number"}, "minItems": 1},
        [(C, r"200/\*: the type is number, and was integer"), (S, "minItems is 1, and was none")],
        [(S, r"200/\*: the type is integer, and was number"), (C, "minItems is none, and was 1")],
    ),
    "items that have to differ": (
        {"type": "array"},
        {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
        [(S, "items have to differ now"), (S, "items have a schema now")],
        [(C, "items may be equal now"), (C, "items have no schema any more")],
    ),
    "values of a map": (
        {"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}},
        {"type": "object", "additionalProperties": {"type": "string", "maxLength": 4}},
        [(C, r"200/\*: maxLength is 4, and was 3")],
        [(S, r"200/\*: maxLength is 3, and was 4")],
    ),
    "integer format": (
        {"type": "integer", "format": "int32"},
        {"type": "integer", "format": "int64"},
        [(C, "the highest value is 9223372036854775807, and was 2147483647"), (C, "the lowest value is")],
        [(S, "the highest value is 2147483647"), (S, "the lowest value is")],
    ),
    "exclusive limit": (
        {"type": "number", "minimum": 3},
        {"type": "number", "exclusiveMinimum": 3},
        [(S, "the lowest value is beyond 3, and was 3")],
        [(C, "the lowest value is 3, and was beyond 3")],
    ),
    "multiples": (
        {"type": "integer", "multipleOf": 2},
        {"type": "integer", "multipleOf": 4},
        [(S, "multipleOf is 4, and was 2")],
        [(C, "multipleOf is 2, and was 4")],
    ),
    "a word that is compared as a whole": (
        {"type": "string"},
        {"type": "string", "not": {"enum": ["x"]}},
        [(S, "not changed")],
        [(C, "not changed")],
    ),
    "a longer text": (
        {"type": "string", "minLength": 2, "pattern": "^a"},
        {"type": "string", "minLength": 3},
        [(S, "minLength is 3, and was 2"), (C, 'pattern is none, and was "\\^a"')],
        [(C, "minLength is 2, and was 3"), (S, 'pattern is "\\^a", and was none')],
    ),
    "nothing any more": ({"type": "object"}, False, [(S, "no value is allowed now")], [(C, "any value is allowed now")]),
}


@pytest.mark.parametrize("name", FURTHER)
def test_a_keyword_says_who_breaks_in_both_directions(diff, name):
    old, new, forward, backward = FURTHER[name]
    expect(diff(with_reply(old), with_reply(new)), forward)
    expect(diff(with_reply(new), with_reply(old)), backward)


def test_operations_without_names_are_known_by_their_routes(diff):
    nameless = {"responses": {"200": {"description": "ok"}}}
    part = {"name": "x", "in": "path", "required": True, "schema": {"type": "string"}}
    one, two = ({**nameless, "parameters": [{**part, "name": name}]} for name in "xy")
    old = {**HEAD, "paths": {"/a/{x}": {"get": one}}}
    expect(diff(old, {**HEAD, "paths": {"/a/{y}": {"get": two}}}), [(N, "the part x of the path is called y")])
    both = {**HEAD, "paths": {"/a/{x}": {"get": one}, "/a/{y}": {"get": two}}}
    assert diff(both, both).text == ""


def test_a_document_without_paths_has_no_changes(diff):
    assert (diff({**HEAD, "components": {}}, {**HEAD, "webhooks": {}}).text) == ""


def test_groups_are_sorted_by_their_first_place(diff):
    component = {"name": "q", "in": "query", "schema": {"type": "string"}}
    get = {"responses": {"200": {"description": "ok"}}}
    old = {
        **HEAD,
        "paths": {
            "/a": {"get": {**get, "parameters": [{"$ref": "#/components/parameters/q"}]}},
            "/b": {"get": get},
        },
        "components": {"parameters": {"q": component}},
    }
    new = changed(["components", "parameters", "q", "required"], True, of=old)
    for path in ("/a", "/b"):
        new = changed(["paths", path, "get", "deprecated"], True, of=new)
    ran = diff(old, new)
    assert [name for _, name, _ in ran] == ["GET /a", "GET /a", "GET /b"], ran.text


def test_each_line_has_the_place_and_a_change_of_several_operations_is_one(diff, tmp_path):
    new = TABLE.replace("caller: {find: people, where: {token: token}}", "caller: {last: people, where: {token: token}}")
    ran = diff(TABLE, new, "--json", str(tmp_path / "diff.json"))
    line = new.splitlines().index("  caller: {last: people, where: {token: token}}") + 1
    assert f"{tmp_path}/new.yaml:{line}: book, lend: the let caller is last people" in ran.text
    data = json.loads((tmp_path / "diff.json").read_text())
    [change] = data.pop("changes")
    assert data == {"format": 1, "old": f"{tmp_path}/old.yaml", "new": f"{tmp_path}/new.yaml", "exit_code": 1}
    assert change == {
        "kind": CS,
        "breaks": ["clients", "servers"],
        "file": f"{tmp_path}/new.yaml",
        "line": line,
        "in": "new",
        "operations": ["book", "lend"],
        "what": "the let caller is last people where token: token, and was find people where token: token",
    }


def test_what_is_gone_has_its_place_in_the_old_file(diff, tmp_path):
    ran = diff(TABLE, TABLE.replace("        - {code: 4, missing: book}\n", "", 1))
    line = TABLE.splitlines().index("        - {code: 4, missing: book}") + 1
    assert re.search(rf"^{S}: {tmp_path}/old.yaml:{line}: book: the row 4", ran.text, re.MULTILINE)


def test_the_changes_are_sorted_by_place(diff):
    new = changed([*GET, "deprecated"], True, of=changed([*REPLY, "properties", "code", "type"], "string"))
    new = changed([*BODY, "properties", "note"], {"type": "string", "maxLength": 3}, of=new)
    ran = diff(BASE, new)
    lines = [int(line) for line in re.findall(r"new\.yaml:(\d+):", ran.text)]
    assert len(lines) == 4 and lines == sorted(lines)
    assert "\n\n" in ran.text  # between the operations
    assert ran.text.endswith("4 changes: 3 breaking for clients, 2 breaking for servers, 1 compatible\n"), ran.text


def replying(schema, **schemas):
    content = {"application/json": {"schema": schema}}
    get = {"responses": {"200": {"description": "ok", "content": content}}}
    return json.dumps({**HEAD, "paths": {"/a": {"get": get}}, "components": {"schemas": schemas}})


def chain(length, last):
    link = {str(at): {"type": "object", "properties": {"x": {"$ref": f"#/components/schemas/{at + 1}"}}} for at in range(length)}
    return replying({"$ref": "#/components/schemas/0"}, **link, **{str(length): {"type": last}})


def tree(kind):
    part = {
        str(at): {"properties": {f"p{each}": {"$ref": f"#/components/schemas/{at + 1}"} for each in range(6)}} for at in range(30)
    }
    return replying({"$ref": "#/components/schemas/0"}, **part, **{"30": {"type": kind}})


def many(least):
    operation = {
        "parameters": [{"name": "q", "in": "query", "schema": {"type": "integer", "minimum": least}}],
        "responses": {"200": {"description": "ok"}},
        "x-outcomes": [{"code": 1, "malformed": "q"}, {"code": 0}],
    }
    return json.dumps({**HEAD, "paths": {f"/{at}": {"get": {**operation, "operationId": f"op{at}"}} for at in range(500)}})


SWAGGER = """
swagger: '2.0'
info: {title: T, version: '1'}
paths:
  /a:
    get:
      parameters: [{name: q, in: query, type: array, items: {type: string}, collectionFormat: multi}]
      responses: {'200': {description: ok, schema: {$ref: '#/definitions/D'}}}
definitions: {D: {type: object, properties: {a: {type: string}}}}
"""
LOOP = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/N"}, "v": {"type": "string"}}}
STRANGE = "a[red]b\x1b[31m\nc\u202e[/]"
NAMED = json.dumps(
    {
        **HEAD,
        "paths": {
            f"/{STRANGE}": {
                "get": {
                    "operationId": STRANGE,
                    "parameters": [{"name": STRANGE, "in": "query", "schema": {"type": "string", "enum": [STRANGE]}}],
                    "responses": {"200": {"description": "ok"}},
                }
            }
        },
    }
)
SILLY = {"type": {"a": 1}, "enum": 5, "required": True, "properties": [1], "oneOf": {"a": 1}, "format": {"x": []}, "minimum": "x"}
SILLY |= {"title": ["x"], "additionalProperties": "y", "items": [1], "allOf": 5, "pattern": ["("], "discriminator": 5, "if": 3}
HOSTILE = {
    # name: (OLD, NEW, exit code, the pattern of what is printed)
    "not YAML": ("a: [b", SWAGGER, 2, r"old\.yaml:\d+: is not YAML"),
    "another kind": (SWAGGER, "kind: Deployment", 2, r"new\.yaml:1: is no OpenAPI 3 document, and no Swagger 2\.0 \("),
    "a list": ("[1, 2]", SWAGGER, 2, r"old\.yaml:1: is no OpenAPI 3 document"),
    "nothing": ("", SWAGGER, 2, r"old\.yaml:1: "),
    "recursion": (
        replying({"$ref": "#/components/schemas/N"}, N=LOOP),
        replying({"$ref": "#/components/schemas/N"}, N=changed(["properties", "v", "type"], "integer", of=LOOP)),
        1,
        "200/(next/)?v: the type is integer, and was string",
    ),
    "a circle": (
        replying({"$ref": "#/components/schemas/N"}, N={"$ref": "#/components/schemas/M"}, M={"$ref": "#/components/schemas/N"}),
        replying({"type": "string"}),
        1,
        "the type is string, and was any",
    ),
    "all of itself": (
        replying({"$ref": "#/components/schemas/N"}, N={"allOf": [{"$ref": "#/components/schemas/N"}, {"type": "object"}]}),
        replying({"type": "string"}),
        1,
        "the type is string, and was object",
    ),
    "a long chain": (chain(150, "string"), chain(150, "integer"), 1, "too large to be compared further"),
    "a longer chain": (
        chain(1500, "string"),
        chain(1500, "integer"),
        2,
        r"old\.yaml:1: its references lead from one to the next too often",
    ),
    "a tree of many paths": (tree("string"), tree("integer"), 1, "and 5 more places: the type is integer, and was string"),
    "a huge enumeration": (
        replying({"enum": [f"v{at}" for at in range(50_000)]}),
        replying({"enum": [f"v{at}" for at in range(20_000)]}),
        1,
        '"v20003", "v20004" and 29,995 more$',
    ),
    "many operations": (many(0), many(1), 1, "op0, op1, op2 and 497 more: the parameter q .* the lowest value is 1"),
    "names with control characters": (SWAGGER, NAMED, 1, r"GET /a\[red\]b\\u001b\[31m\\nc\\u202e\[/\], which"),
    "Swagger 2": (SWAGGER, SWAGGER.replace("multi", "csv"), 1, "explode false, and was with style form, explode true"),
    "Swagger 2 and OpenAPI": (SWAGGER, replying({"type": "object", "properties": {"a": {"type": "string"}}}), 1, "q .* is gone"),
    "keywords with silly values": (replying(SILLY), replying({"type": "string", "oneOf": [3, {"title": [1]}]}), 1, "the type is"),
    "a reference to nothing": (SWAGGER, replying({"$ref": "#/nowhere"}), 2, r"new\.yaml:1: \$ref #/nowhere points to nothing"),
    "a reference to the network": (SWAGGER, replying({"$ref": "http://127.0.0.1:9/x"}), 2, "leads to the network"),
    "an operation that cannot be read": (
        SWAGGER,
        SWAGGER.replace("in: query", "in: nowhere"),
        2,
        r"this operation cannot be read \(`contracts lint .*` says why\)",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_gives_a_sentence_or_the_changes(diff, name):
    old, new, code, pattern = HOSTILE[name]
    ran = diff(old, new)
    assert ran.code == code, ran.text[:500]
    assert re.search(pattern, ran.text, re.MULTILINE), ran.text[:500]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", ran.text)


@pytest.mark.parametrize("name", [name for name in HOSTILE if HOSTILE[name][2] == 1])
def test_a_hostile_document_does_not_differ_from_itself(diff, name):
    for each in HOSTILE[name][:2]:
        assert (diff(each, each).code, diff(each, each).text) == (0, "")


def test_strange_names_are_escaped_in_the_report_too(diff, tmp_path):
    assert diff(SWAGGER, NAMED, "--json", str(tmp_path / "diff.json")).code == 1
    text = (tmp_path / "diff.json").read_text()
    assert "[red]" in text and "\u202e" not in text and "\x1b" not in json.dumps(json.loads(text), ensure_ascii=False)


@pytest.mark.parametrize("bad", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_a_sentence(bad, tmp_path):
    for files in ((str(tmp_path / bad), str(OPENAPI / "library.yaml")), (str(OPENAPI / "library.yaml"), str(tmp_path / bad))):
        result = CliRunner().invoke(main, ["diff", *files])
        assert result.exit_code == 2
        assert re.fullmatch(r"\S+:1: cannot be read: [A-Z][a-z ]+\n", result.output), result.output


def test_a_report_that_cannot_be_written_is_a_sentence(diff, tmp_path):
    ran = diff(BASE, without(1, 2), "--json", str(tmp_path / "none" / "x.json"))
    assert ran.code == 2 and "its folder does not exist" in ran.text
    ran = diff(BASE, without(1, 2), "--json", str(tmp_path))
    assert ran.code == 2 and "the report cannot be written" in ran.text


@pytest.mark.parametrize("name", ["device-sharing", "library", "parcel-lockers", "control-plane"])
def test_a_contract_of_the_project_does_not_differ_from_itself(name):
    file = str(OPENAPI / f"{name}.yaml")
    result = CliRunner().invoke(main, ["diff", file, file])
    assert (result.exit_code, result.output) == (0, "")


def test_two_contracts_of_the_project_have_nothing_in_common(tmp_path):
    files = [str(OPENAPI / f"{name}.yaml") for name in ("device-sharing", "library")]
    ran = Ran(CliRunner().invoke(main, ["diff", *files]))
    assert ran.code == 1
    assert sum("new operation" in what for _, _, what in ran) == 4
    assert sum("is gone" in what for kind, _, what in ran if kind == C) == 10


def test_a_rule_of_the_demo_contract_that_goes_is_shown_by_a_request(diff):
    old = (OPENAPI / "device-sharing.yaml").read_text()
    new = old.replace("        - {code: 5360, when: '!device.verified'}\n", "", 1).replace("5153, 5360]", "5153]", 1)
    assert new.count("5360") == old.count("5360") - 2
    ran = diff(old, new, world=DEMO.read_text())
    assert {kind for kind, _, _ in ran} == {S}
    assert re.search(r"this request got 5360, and now gets 200: curl -sS -X POST \S+dk=D005", ran.text)
    ran = diff(new, old, world=DEMO.read_text())
    assert {kind for kind, _, _ in ran} == {C, CS}


def shell(text, folder):
    """Runs a shell script with the commands of this project."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path}
    return subprocess.run(["sh", "-e", "-c", text], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)


def test_the_example_of_the_page_prints_what_the_page_says(tmp_path):
    page = (ROOT / "docs" / "diff.md").read_text()
    (tmp_path / "openapi").symlink_to(OPENAPI)
    [example] = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    done = shell(example, tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.endswith("exit code 1\n"), done.stderr
    shown = re.findall(r"^    (\S.*|    \S.*)$", page, re.MULTILINE)
    assert len(shown) == 3
    for line, printed in zip(shown, done.stdout.splitlines(), strict=False):
        assert printed.strip().startswith(line.strip().removesuffix("…").strip()), (line, printed)
    data = json.loads((tmp_path / "diff.json").read_text())
    keys = set(re.findall(r"`(\w+)`", page.partition("## JSON")[2]))
    found = {*data, *(key for each in data["changes"] for key in (*each, *each.get("example", ())))}
    assert found <= keys


def test_the_recipe_for_pull_requests_fails_on_what_breaks_clients(tmp_path):
    page = (ROOT / "docs" / "ci.md").read_text()
    [recipe] = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "contract.yaml").write_text(TABLE)
    commit = "git init -q . && git add . && git -c user.name=a -c user.email=a@b commit -qm x"
    assert shell(f"{commit} && git update-ref refs/remotes/origin/main HEAD", tmp_path).returncode == 0
    assert shell(recipe, tmp_path).returncode == 0
    (tmp_path / "contract.yaml").write_text(yaml.safe_dump(changed(["paths", "/other"], {"get": OTHER}), sort_keys=False))
    assert shell(recipe, tmp_path).returncode == 0  # a new operation breaks no client
    (tmp_path / "contract.yaml").write_text(yaml.safe_dump(changed([*ROWS, 1, "code"], 9), sort_keys=False))
    done = shell(recipe, tmp_path)
    assert done.returncode == 1 and "the code is 9, and was 4" in done.stdout


def test_large_schemas_are_not_decided_because_it_would_take_long():
    assert openapi.covers({"type": "string"}, {"const": "a"}) is True
    assert openapi.covers({"const": "a"}, {"type": "string"}) is False
    assert openapi.covers({"enum": list(range(3000))}, {"enum": list(range(2999))}) is None
    choices = {"allOf": [{"anyOf": [{"required": [f"a{at}"]}, {"required": [f"b{at}"]}]} for at in range(5)]}
    assert openapi.covers({"type": "object"}, choices) is None
