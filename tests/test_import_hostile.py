"""Hostile pages: one sentence with file and line, or a draft that loads; nothing is half-written, fetched or overwritten."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from random import Random

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import openapi
from contracts.cli.main import main
from contracts.draft.contract import draft
from contracts.draft.reader import read_page
from contracts.draft.yaml_text import written

PAGES = Path(__file__).parent / "pages"
HEAD = "**接口地址**:`/a/b`\n\n**请求方式**:`POST`\n\n"
TABLE = "| 参数名称 | 参数说明 | 请求类型 | 是否必须 | 数据类型 |\n|---|---|---|---|---|\n"
CODES = "| 状态码 | 说明 |\n|---|---|\n"
STRANGE = [
    *(
        "a\x01b",
        "a: b",
        "- x",
        "{a}",
        "[a",
        "&x",
        "*y",
        "!z",
        "'q'",
        '"w"',
        "%p",
        "@h",
        "#c",
        "null",
        "true",
        "1",
        "1.5",
        "é",
        "名称",
    ),
    *(
        "a\\b",
        "\u2028",
        "\ufeff",
        "now",
        "caller",
        "token",
        "given",
        "in",
        "2024-01-01",
        "<<",
        "=",
        "~",
        "y",
        "x" * 500,
        "a|b",
        "`",
    ),
]


def rows(place):
    return TABLE + "".join(f"|{each}|{each}: # x|{place}|true|string|\n" for each in STRANGE)


def document(**parts):
    return json.dumps({"openapi": "3.0.0", "info": {"title": "T", "version": "1"}, "paths": {}} | parts)


def get(operation):
    return document(paths={"/a": {"get": {"responses": {}} | operation}})


def recorded(body):
    """An archive of one request with this JSON body, and the same as its reply."""
    content = {"mimeType": "application/json", "text": json.dumps(body)}
    request = {"method": "POST", "url": "https://api.example/v1/thing", "headers": [], "postData": content}
    return json.dumps({"log": {"entries": [{"request": request, "response": {"status": 200, "content": content}}]}})


REFUSED = {
    "binary.md": (bytes(range(256)) * 20, 2, "is not text in UTF-8"),
    "zero.md": (HEAD.encode() + b"\0", 5, "has a zero byte"),
    "empty.md": (b" \n\n", 1, "the page is empty"),
    "gbk.md": (HEAD.encode("gbk"), 1, "is not text in UTF-8"),
    "pipes.md": (b"|" * 5_000_000, 1, "the line has 5,000,000 characters"),
    "large.md": (b"x\n" * 5_000_000, 1, "is larger than 8 MiB"),
    "no-address.md": ("# A\n\n**请求方式**:`GET`\n\n" + rows("query"), 1, "the page has no address of an operation"),
    "script.html": ("<script>alert('POST /x')</script><p>x</p>", 1, "the page has no address of an operation"),
    "columns.md": ("|" + "a|" * 10_000 + "\n|" + "-|" * 10_000 + "\n", 1, "the page has no address of an operation"),
    "upwards.md": ("\n\n**接口地址**:`/a/../../etc/passwd`\n", 3, "the path /a/../../etc/passwd leads upwards"),
    "braces.md": ("POST /a/{b}/{b}\n", 1, "the path /a/{b}/{b} has braces that do not name one parameter each"),
    "characters.md": ("POST /a^b\n", 1, "has characters that no path has"),
    "codes.md": (HEAD + CODES + "".join(f"|{each}|请输入a{each}|\n" for each in range(1000, 2000)), 1, "has 1000 codes"),
    "deep.json": ("[" * 100_000 + "]" * 100_000, 1, "nested more than 64 deep"),
    "broken.json": ('{"openapi": "3.0.0",\n"paths": }', 2, "is not JSON"),
    "scalar.json": ("5", 1, "is no document that is known"),
    "other.json": ('{"a": 1}', 1, "is no document that is known"),
    "version.json": ('{"openapi": "9", "paths": {}}', 1, "is no OpenAPI 3 document"),
    "no-paths.json": (document(), 1, "has no operations"),
    "contract.json": (get({"x-outcomes": [{"status": 200}]}), 1, "is a contract already"),
    "circular.json": (
        document(paths={"/a": {"get": {"parameters": [{"$ref": "#/paths/~1a/get/parameters/0"}]}}}),
        1,
        "is circular",
    ),
    "elsewhere.json": (get({"parameters": [{"$ref": "http://127.0.0.1:9/x.json"}]}), 1, "$ref http://127.0.0.1:9/x.json"),
    "names.json": (
        '{"swagger": "2.0", "paths": {"/a": {"get": {"parameters": [{"name": [], "in": {}}], "x-outcomes": []}}}}',
        1,
        "is a contract already",
    ),
    "types.json": (document(info=[]), 1, "info is not a mapping"),
    "postman.json": ('{"info": {"name": 5}, "item": [5, {"request": 5}, {"request": {"url": 5}}]}', 1, "there is no request"),
    "postman-path.json": ('{"info": {}, "item": [\n{"request": {"url": {"raw": "/a/{b"}}}]}', 2, "the path /a/{b has braces"),
    "empty.har": ('{"log": {"entries": []}}', 1, "there is no request"),
}
"""By file: its content, the line of the sentence, and a part of it."""

DRAFTED = {
    "no-header.md": HEAD + "| a | b |\n| c | d |\n",
    "duplicate.md": HEAD + TABLE + "|q|x|query|true|string|\n\n" + HEAD + TABLE + "|q|y|query|true|integer|\n",
    "many-columns.md": HEAD + "|参数名称|参数说明|" + "a|" * 10_000 + "\n|" + "-|" * 10_002 + "\n|" + "x|" * 10_002 + "\n",
    "pipes-table.md": HEAD + "|a|b|\n|-|-|\n" + ("|" * 1000 + "\n") * 500,
    "html.md": HEAD
    + "<script>while(1){}</script>\n\n"
    + TABLE
    + "|<script>x</script>|<img src=x onerror=1>|query|true|string|\n",
    "query-names.md": HEAD + rows("query"),
    "body-names.md": HEAD + rows("body"),
    "header-names.md": HEAD + rows("header"),
    "strange-codes.md": HEAD
    + rows("query")
    + "\n"
    + CODES
    + "".join(f"|{n}|{each}不能为空|\n" for n, each in enumerate(STRANGE, 900)),
    "same-message.md": HEAD
    + TABLE
    + "|q|x|query|true|string|\n\n"
    + CODES
    + "|1|q is required|\n|2|q is required|\n|1|q is required|\n",
    "long-message.md": HEAD + CODES + f"|1|{'请输入' * 10_000}|\n|2|{' ' * 50_000}x|\n|3|{'(' * 50_000}|\n",
    "not-numbers.md": HEAD + '**响应示例**:\n```json\n{"code": NaN, "msg": "", "data": 1e999}\n```\n',
    "entities.md": HEAD + TABLE + "|&#0;&#x110000;&amp;emsp;q|&lt;b&gt;|query|true|string|\n",
    "quotes.md": "> " * 20_000 + "\n\n" + HEAD,
    "lists.md": HEAD + "\n".join(" " * each + "- x" for each in range(1000)),
    "comments.md": HEAD + ("<!--" * 20_000 + "\n") * 20,
    "open-tags.md": HEAD + ("<a " * 30_000 + "\n") * 20,
    "cells.md": HEAD + "<table><tr>" + ("<td>x" * 10_000 + "\n") * 10,
    "method.md": HEAD.replace("POST", "BREW"),
    "types.md": HEAD + TABLE + "|q|x|nowhere|maybe|" + "List«" * 50 + "|\n",
    "surrogates.json": get({"summary": "\ud800 \udfff"}),
    "references.json": get({"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "file:///etc/passwd"}}}}}}),
    "recursive.json": document(
        components={"schemas": {"A": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}}}},
        paths={
            "/a": {
                "get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}
            }
        },
    ),
    "surrogate.har": recorded({"a": "x\ud800y", "b\udc00": 1}),
    "har.json": '{"log": {"entries": [1, {"request": {"url": "/x", "headers": 5, "postData": 5}, "response": {"content": 5}}]}}',
}


@pytest.fixture
def imported(tmp_path):
    def run(name, content, *options):
        page = tmp_path / name
        page.write_bytes(content if isinstance(content, bytes) else content.encode())
        began = time.monotonic()
        result = CliRunner().invoke(main, ["import", str(page), "-o", str(tmp_path / "draft.yaml"), *options])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert time.monotonic() - began < 30
        return result

    run.folder = tmp_path
    return run


@pytest.mark.parametrize("name", REFUSED)
def test_a_page_that_cannot_be_drafted_from_is_one_sentence(imported, name):
    content, line, what = REFUSED[name]
    result = imported(name, content)
    assert result.exit_code == 2, result.output
    [sentence] = result.stderr.splitlines()
    assert sentence.startswith(f"{imported.folder / name}:{line}: ") and what in sentence, sentence
    assert len(sentence) < 400 + len(str(imported.folder))
    assert [each.name for each in imported.folder.iterdir()] == [name]


@pytest.mark.parametrize("name", DRAFTED)
def test_a_strange_page_gives_a_draft_that_loads(imported, name):
    result = imported(name, DRAFTED[name])
    assert result.exit_code == 0, result.output
    assert re.search(r"draft\.yaml: \d+ operations?, \d+ rows?, \d+ to decide", result.output)
    assert openapi.load(imported.folder / "draft.yaml").operations
    linted = CliRunner().invoke(main, ["lint", str(imported.folder / "draft.yaml")])
    assert linted.exit_code == 0, linted.output
    left = {each.name for each in imported.folder.iterdir()}
    assert left <= {name, "draft.yaml", "draft-world.yaml"}


def test_names_and_messages_of_a_page_stay_texts(imported):
    imported("a.md", DRAFTED["query-names.md"])
    data = yaml.safe_load((imported.folder / "draft.yaml").read_text())
    names = [each["name"] for each in data["paths"]["/a/b"]["post"]["parameters"]]
    assert {"a: b", "{a}", "&x", "true", "1", "2024-01-01", "<<", "名称"} <= set(names)
    assert all(isinstance(each, str) for each in names)


def test_nothing_is_fetched_or_opened(imported, monkeypatch):
    reached = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *arguments, **more: reached.append(arguments))
    monkeypatch.setattr("socket.create_connection", lambda *arguments, **more: reached.append(arguments))
    (imported.folder / "other.json").write_text('{"x": {"name": "stolen", "in": "query"}}')
    page = get(
        {"parameters": [{"name": "q", "in": "query", "schema": {"$ref": "other.json#/x"}}], "externalDocs": {"url": "http://a/"}}
    )
    assert imported("refs.json", page).exit_code == 0
    imported("page.md", HEAD + "![x](http://127.0.0.1:9/x.png) [y](other.json)\n")
    assert reached == [] and "stolen" not in (imported.folder / "draft.yaml").read_text()


@pytest.mark.parametrize("name", ["draft.yaml", "draft-world.yaml"])
def test_nothing_is_overwritten_unless_forced(imported, name):
    (imported.folder / name).write_text("mine")
    page = HEAD + CODES + "|1|请输入token|\n"
    result = imported("a.md", page)
    assert (result.exit_code, result.stderr) == (2, f"{imported.folder / name} exists (use --force to overwrite it)\n")
    assert sorted(each.name for each in imported.folder.iterdir()) == sorted(["a.md", name])
    assert (imported.folder / name).read_text() == "mine"
    assert imported("a.md", page, "--force").exit_code == 0
    assert (imported.folder / name).read_text() != "mine"


def test_a_failed_write_leaves_nothing(imported, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    result = imported("a.md", HEAD)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert [each.name for each in imported.folder.iterdir()] == ["a.md"]


@pytest.mark.parametrize(
    ("target", "what"),
    [("nowhere/draft.yaml", "its folder does not exist"), (".", "is a folder"), ("x" * 5000, "File name too long")],
)
def test_an_unusable_target_is_one_sentence(tmp_path, target, what):
    (tmp_path / "a.md").write_text(HEAD)
    result = CliRunner().invoke(main, ["import", str(tmp_path / "a.md"), "-o", str(tmp_path / target)])
    assert (result.exit_code, what in result.stderr, len(result.stderr.splitlines())) == (2, True, 1)


def test_a_page_that_is_not_there_is_one_sentence(tmp_path):
    result = CliRunner().invoke(main, ["import", str(tmp_path / "no.md")])
    assert (result.exit_code, result.stderr) == (
        2,
        f"{tmp_path / 'no.md'}:1: cannot be read: No such file or directory (name a page)\n",
    )


BITS = [
    *(
        "|",
        "**",
        "`",
        ":",
        "：",
        "{",
        "}",
        "/",
        "\\",
        "<",
        ">",
        "&emsp;",
        "\u2003",
        "»",
        "#",
        "- ",
        "```",
        "\n",
        '"',
        "'",
        "%",
        "[",
        "]",
        "(",
        ")",
    ),
    *(
        "null",
        "0",
        "-1",
        "x" * 50,
        "token",
        "必须",
        "true",
        "body",
        "path",
        "form",
        "array",
        "object",
        "file",
        "List«",
        "可用值:",
        "默认",
    ),
    *("1-", "大于", "不能为空"),
]
VALUES = [
    None,
    True,
    -1,
    1.5,
    "",
    "{}",
    "/x/{y}",
    "http://a/b?c=d",
    [],
    {},
    [1],
    {"a": 1},
    {"$ref": "#/nope"},
    {"$ref": "http://x"},
]


def damaged_text(random, text):
    lines = text.split("\n")
    for _ in range(random.randint(1, 6)):
        number = random.randrange(len(lines))
        start = random.randint(0, len(lines[number]))
        end = start + random.choice([0, 0, 1, 3])
        change = random.choice([[], [lines[number]] * 2, [lines[number][:start] + random.choice(BITS) + lines[number][end:]] * 1])
        lines[number : number + 1] = change
        lines = lines or [""]
    return "\n".join(lines)


def damaged_json(random, text):
    data = json.loads(text)
    for _ in range(random.randint(1, 4)):
        node = data
        while isinstance(node, (dict, list)) and node:
            key = random.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if random.random() < 0.2 or not isinstance(node[key], (dict, list)):
                node[key] = json.loads(json.dumps(random.choice(VALUES)))
                break
            node = node[key]
    return json.dumps(data)


@pytest.mark.parametrize("page", sorted(PAGES.iterdir()), ids=lambda path: path.name)
def test_a_damaged_page_is_refused_or_drafted(tmp_path, page):
    drafted = 0
    for seed in range(60):
        damage = damaged_text if page.suffix == ".md" else damaged_json
        file = tmp_path / f"page{page.suffix}"
        file.write_text(damage(Random(seed), page.read_text()))
        try:
            found = draft([read_page(str(file))])
        except openapi.InvalidDocument as error:
            assert all(each.line and each.what for each in error.problems)
            continue
        (tmp_path / "draft.yaml").write_text(found.contract)
        try:
            drafted += bool(openapi.load(tmp_path / "draft.yaml"))
        except openapi.ContractError as error:  # a document may have schemas that are none
            assert page.suffix != ".md", (seed, str(error))
    assert drafted > (10 if page.name == "openapi.json" else 20)  # most of that page are schemas, which may be none then


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.text(max_size=20)
DATA = st.dictionaries(KEYS, st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20))


@given(DATA)
def test_what_is_written_reads_as_the_same_data(data):
    text = written(data, {(key,): ["a comment: # {", "\x07\nnext"] for key in data})
    assert not data or openapi.parse_document(text, "a.yaml").data == data == yaml.safe_load(text)
    assert all(len(each) < 2000 or len(json.dumps(data)) > 1000 for each in text.splitlines())
