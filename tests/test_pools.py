"""Pools of worlds: read from files, and made from templates of which the copies are disjoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import openapi
from contracts.cli.main import main
from contracts.run.disjoint import problems
from contracts.run.pool import MOST_WORLDS, PoolWorld, pool_text, read_pool
from contracts.run.template import Template, fill, varies
from mockserver import Mock, Origin, create_app, running
from mockserver.control.access import Guard
from mockserver.http.server import Server, listen

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "docs" / "world-template.yaml"
CONTRACT = openapi.load()
SERVER = "http://127.0.0.1:9"


def pool(folder, text):
    (folder / "w.yaml").write_text("seed: 1\n")
    (folder / "pool.yaml").write_text(text)
    return folder / "pool.yaml"


def run(*arguments, **options):
    return CliRunner().invoke(main, ["worlds", *map(str, arguments)], **options)


def made(folder, text=None, *, count=3, target=SERVER, **more):
    """Makes worlds of a template in the folder `out`."""
    template = folder / "template.yaml"
    template.write_text(TEMPLATE.read_text() if text is None else text)
    options = [each for name, value in more.items() for each in (f"--{name}", value)]
    return run("--template", template, "--count", count, "--target", target, "--out", folder / "out", *options)


def test_a_pool_is_read_as_it_is_written(tmp_path):
    file = pool(tmp_path, "worlds:\n- {target: '${BASE}/a', world: w.yaml, reset: 'http://a:${PORT}/', header: ['X-A: ${K}']}\n")
    assert read_pool(file) == [PoolWorld("${BASE}/a", tmp_path / "w.yaml", "http://a:${PORT}/", ("X-A: ${K}",))]
    (tmp_path / "again.yaml").write_text(pool_text(read_pool(file)))
    assert read_pool(tmp_path / "again.yaml") == read_pool(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", ":1: is not a pool of worlds (write worlds: "),
        ("worlds: []", "is not a pool of worlds"),
        ("worlds: 3", ":1: worlds is not a list"),
        ("worlds:\n- 3", ":2: is not a world"),
        ("worlds:\n- {target: 'http://a'}", ":2: the world has no world"),
        ("worlds:\n- {world: w.yaml}", ":2: the world has no target"),
        ("worlds:\n- target: 'ftp://a'\n  world: w.yaml", ":2: target is not a URL"),
        ("worlds:\n- target: 'http://a'\n  world: x.yaml", ":3: world x.yaml: there is no such file"),
        ("worlds:\n- target: 'http://a'\n  world: " + "x" * 5000, ":3: world is not the path of a file"),
        ("worlds:\n- target: 'http://a'\n  world: 3", ":3: world is not a text"),
        ("worlds:\n- target: 'http://a'\n  world: w.yaml\n  reset: a", ":4: reset is not a URL"),
        ("worlds:\n- target: 'http://a'\n  world: w.yaml\n  header: [a]", ":4: is not a header"),
        ("worlds:\n- target: 'http://a'\n  world: w.yaml\n  header: 3", ":4: header is not a list"),
        ("worlds:\n- target: 'http://a'\n  world: w.yaml\n  resets: 'http://a'", ":4: unknown key resets (did you mean reset?)"),
        ("worlds: [{target: 'http://a', world: w.yaml}]\nmore: 1", ":2: unknown key more"),
        (
            "worlds:\n- {target: 'http://a', world: w.yaml}\n- {target: 'http://a', world: ./w.yaml}",
            ":3: another world has the same target and the same world file (line 2)",
        ),
        (
            "worlds:\n- {target: 'http://a', world: w.yaml, reset: 'http://r'}\n- {target: 'http://b', world: w.yaml, reset: 'http://r'}",
            ":3: another world has the same reset, which would reset both (line 2)",
        ),
        ("worlds:\n" + "- {}\n" * (MOST_WORLDS + 1), "a pool has at most 10,000 worlds"),
    ],
)
def test_a_pool_that_is_none_is_a_sentence_with_its_line(tmp_path, text, message):
    with pytest.raises(openapi.InvalidDocument) as error:
        read_pool(pool(tmp_path, text))
    assert str(error.value).startswith(f"{tmp_path / 'pool.yaml'}:")
    assert message in str(error.value)


def test_errors_do_not_repeat_a_url_or_a_header(tmp_path):
    with pytest.raises(openapi.InvalidDocument) as error:
        read_pool(pool(tmp_path, "worlds: [{target: 'secret:password@host', world: w.yaml, header: ['secret password']}]"))
    assert "password" not in str(error.value)


def test_only_the_number_is_replaced():
    text = "a{n} {n:03} ${n} ${T_{n}} ${NAME} {n!r} {n.x} {0} {{n}} {n:3} {m} %s"
    assert fill(text, 7) == "a7 007 ${n} ${T_7} ${NAME} {n!r} {n.x} {0} {7} {n:3} {m} %s"
    assert varies("{n:02}")
    assert not varies("${n} {0}")


def test_copies_are_worlds_and_the_pool_names_them(tmp_path):
    result = made(tmp_path, target=SERVER + "/w{n}", reset=SERVER + "/r{n:02}", header="X-Key: ${KEY_{n}}")
    assert (result.exit_code, result.stdout) == (0, f"Wrote 3 worlds: {tmp_path / 'out' / 'pool.yaml'}\n"), result.output
    worlds = read_pool(tmp_path / "out" / "pool.yaml")
    assert worlds[2] == PoolWorld(f"{SERVER}/w3", tmp_path / "out" / "w3.yaml", f"{SERVER}/r03", ("X-Key: ${KEY_3}",))
    states = [openapi.load_world(each.world, CONTRACT, 0, {}).state for each in worlds]
    for table in CONTRACT.tables:
        keys = [{str(row) for row in yaml.safe_load(each.world.read_text()).get(table, [])} for each in worlds]
        assert not keys[0] & keys[1] | keys[1] & keys[2], table
    assert len(states) == 3
    assert not list((tmp_path / "out").glob("*.new"))


def test_secrets_stay_as_they_are_written(tmp_path):
    text = TEMPLATE.read_text().replace("demo-token-alice-{n}", "${ALICE_{n}}")
    assert made(tmp_path, text).exit_code == 0
    assert "{token: '${ALICE_2}', uid: 'C00020001'}" in (tmp_path / "out" / "w2.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("demo-token-bob-{n}", "bob", ":6: sessions: token is the same in all copies (write {n} in it)"),
        ("demo-token-bob-{n}", "${BOB}", ":6: sessions: token is the same in all copies"),
        ("dk: 'D001-{n}', owner", "dk: D001, owner", "users or devices"),
        ("share_dv_C{n:04}0001", "share_dv_C00010001", ": shares: shareCode is the same in all copies"),
        ("email: 'bob-{n}@", "email: 'bob@", "shareByUid looks up rows of users by email, so it finds those of other copies"),
        ("sharer: 'C{n:04}0001'", "sharers: C1", "shares has no column sharers"),
        ("owner: 'C{n:04}0002'}", "owner: [}", "template.yaml:"),
        ("now + 30d", "soon", "'soon' is not a time"),
        ("now + 30d", "\ue000", "U+E000"),
    ],
)
def test_a_template_that_cannot_be_used_is_a_sentence_and_nothing_is_written(tmp_path, old, new, message):
    text = TEMPLATE.read_text()
    assert old in text
    result = made(tmp_path, text.replace(old, new))
    if message == "users or devices":  # a device that no operation changes, and that requests of other copies find
        message = "devices"
    assert (result.exit_code, message in result.stderr) == (2, True), result.output
    assert all(each.startswith(f"{tmp_path / 'template.yaml'}:") for each in result.stderr.splitlines())
    assert not (tmp_path / "out").exists()


def test_numbers_that_make_the_same_text_are_found(tmp_path):
    text = "sessions:\n- {token: a1{n}, uid: u{n}}\n- {token: a11{n}, uid: v{n}}\n"
    result = made(tmp_path, text, count=11, target=SERVER + "/{n}")
    assert ":2: sessions: token of copy 11 is that of line 3 of copy 1 (write {n:02}" in result.stderr
    assert made(tmp_path, text, count=9, target=SERVER + "/{n}").exit_code == 0


def template(folder, text):
    (folder / "t.yaml").write_text(text)
    return Template(folder / "t.yaml")


def found(contract, folder, text, **options):
    return [each.what for each in problems(contract, list(template(folder, text).rows(contract)), 3, **options)]


def test_what_no_operation_changes_may_be_in_all_copies_but_not_credentials(tmp_path):
    library = openapi.load(ROOT / "openapi" / "library.yaml")
    books = "books: [{isbn: '9780140449136', title: The Odyssey}]\nmembers: [{token: t-{n}, name: ada-{n}}]\n"
    assert found(library, tmp_path, books, one_server=True) == []
    assert found(library, tmp_path, books.replace("t-{n}", "t"), one_server=False) == ["members: token is the same in all copies"]
    loans = books + "loans: [{id: loan-{n}, isbn: '9780140449136', member: ada-{n}, days: 14}]\n"
    assert found(library, tmp_path, loans, one_server=False) == []
    [shared] = found(library, tmp_path, loans, one_server=True)
    assert shared.startswith("borrow looks up rows of loans by isbn, returned")
    assert found(library, tmp_path, loans.replace("'9780140449136'", "'97801404{n:05}'"), one_server=True) == []
    same = loans.replace("loan-{n}", "loan-1")
    assert found(library, tmp_path, same, one_server=False) == ["loans: id is the same in all copies"]


def test_an_operation_that_lists_all_rows_needs_servers_of_their_own(tmp_path):
    articles = openapi.load(ROOT / "openapi" / "articles.yaml")
    text = "people: [{token: t{n}, name: p{n}}]\narticles: [{id: '{n}', author: p{n}, title: t{n}, body: b, at: now}]\n"
    assert any("whatever they have" in each for each in found(articles, tmp_path, text, one_server=True))
    assert found(articles, tmp_path, text, one_server=False) == []


def test_integers_are_compared_as_numbers(tmp_path):
    lockers = openapi.load(ROOT / "openapi" / "parcel-lockers.yaml")
    text = "boxes: [{number: {n}, size: S}, {number: 0{n}0, size: S}]\n"
    rows = list(template(tmp_path, text).rows(lockers))
    assert [each.line for each in problems(lockers, rows, 10, one_server=False)] == [1]
    assert problems(lockers, rows, 9, one_server=False) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "a"}, "--target is not a URL"),
        ({"reset": SERVER}, "--reset has no {n}, so it would reset all copies"),
        ({"header": "secret"}, "--header is not a header"),
        ({"count": 0}, "0 is not in the range 1<=x<=10000"),
        ({"count": 10_001}, "10001 is not in the range"),
        ({"create": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
        ({"create": "x"}, "--create is not a URL"),
    ],
)
def test_options_that_cannot_be_used_are_sentences(tmp_path, options, message):
    result = made(tmp_path, **options)
    assert (result.exit_code, message in result.stderr, "secret" in result.output) == (2, True, False), result.output
    assert not (tmp_path / "out").exists()


def test_a_template_or_a_target_that_is_missing_is_a_sentence(tmp_path):
    result = run("--template", tmp_path / "x.yaml", "--count", 1, "--target", SERVER, "--out", tmp_path / "out")
    assert (result.exit_code, "x.yaml:1: cannot be read: No such file" in result.stderr) == (2, True)
    result = run("--template", TEMPLATE, "--count", 1, "--out", tmp_path / "out")
    assert (result.exit_code, "--target is missing" in result.stderr) == (2, True)
    (tmp_path / "file").write_text("")
    result = run("--template", TEMPLATE, "--count", 1, "--target", SERVER, "--out", tmp_path / "file")
    assert (result.exit_code, "cannot be written: File exists" in result.stderr) == (2, True)


def test_worlds_are_created_in_a_mock_or_none_is(tmp_path):
    options = ["--template", TEMPLATE, "--count", 3]
    with running() as mock:
        mock.create("w3")
        result = run(*options, "--create", mock.url, "--out", tmp_path / "failed")
        assert (result.exit_code, "HTTP 409: " in result.stderr) == (2, True), result.output
        assert not (tmp_path / "failed").exists()
        mock.world("w3").delete()
        assert run(*options, "--create", mock.url, "--out", tmp_path / "out").exit_code == 0
        [one, *_] = read_pool(tmp_path / "out" / "pool.yaml")
        assert (one.target, one.reset) == (f"{mock.url}/worlds/w1", f"{mock.url}/_mock/worlds/w1/reset")
        assert mock.world("w2").state()["devices"][0]["dk"] == "D001-2"


def test_the_password_of_a_mock_is_not_printed(tmp_path, monkeypatch):
    monkeypatch.setenv("CONTROL", "open-sesame")
    mock = Mock(CONTRACT, Origin(openapi.read_document(openapi.demo_world())))
    server = Server(create_app(mock, guard=Guard("open-sesame")), listen("127.0.0.1", 0), threads=2)
    try:
        options = ["--template", TEMPLATE, "--count", 1, "--create", server.url]
        refused = run(*options, "--out", tmp_path / "no")
        assert (refused.exit_code, "HTTP 401" in refused.stderr) == (2, True)
        result = run(*options, "--token", "${CONTROL}", "--out", tmp_path / "out")
        assert (result.exit_code, "open-sesame" in result.output) == (0, False)
        assert "open-sesame" not in (tmp_path / "out" / "pool.yaml").read_text()
    finally:
        server.stop()


def test_a_row_that_operations_change_may_not_be_in_all_copies(tmp_path):
    library = openapi.load(ROOT / "openapi" / "library.yaml")
    text = "loans: [{id: loan-1, isbn: '9780140449136', member: ada, days: 14}]\n"
    assert found(library, tmp_path, text, one_server=False) == ["loans: id is the same in all copies"]


def test_bearer_before_a_credential_makes_no_difference(tmp_path):
    text = "sessions:\n- {token: a1{n}, uid: u{n}}\n- {token: Bearer a11{n}, uid: v{n}}\n"
    rows = list(template(tmp_path, text).rows(CONTRACT))
    assert any("token of copy 11 is that of line 3" in each.what for each in problems(CONTRACT, rows, 11, one_server=False))
