"""`contracts order`: the order of a server is inferred and written as a patch; with it `--strict-order` finds no violation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from family_servers import serving as serving_contract
from wrong_servers import CATALOGUE, CONTRACT, WORLD, Entry, serving

import openapi
from contracts import Manners, Oracle, Plan, Reply, Request, Target, examine
from contracts.cli.main import main
from contracts.order.patch import Unwritable, diff, patched

ORDERS = ["correct-reversed-order", "correct-times-first", "correct-order-of-codes", "correct-device-first"]


def strict(contract, base, **options):
    """The violations of a server with `strict_order`."""
    contract = contract.only("shareInfo")
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    plan = Plan(breadth=False, walks=0, strict_order=True, **options)
    return examine(contract, world, Target(base, Manners(most_requests=400)), plan).found("violation")


def order(folder, base, *options, contract="contract.yaml", world=WORLD):
    """The result of the command in a folder that contains the contract."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(main, ["order", "--target", base, "--world", str(world), "--contract", contract, *options])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "contract.yaml").write_bytes(Path(CONTRACT.file).read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_a_server_becomes_a_patch_with_which_it_is_clean(name, folder):
    with serving(name) as base:
        result = order(folder, base, "--operation", "shareInfo")
        assert result.exit_code == 0, result.output
        subprocess.run(["patch", "-p0"], cwd=folder, input=result.output, text=True, check=True, capture_output=True)
        file = str(folder / "contract.yaml")
        assert "no problems in 10 operations" in CliRunner().invoke(main, ["lint", file]).output
        assert "No row has to move" in order(folder, base, "--operation", "shareInfo").output
        assert strict(openapi.load(file), base) == []
    with serving(name) as base:
        assert strict(CONTRACT, base, stop_early=True)


def test_the_steps_of_the_page_run(folder):
    page = (Path(__file__).parent.parent / "docs" / "order.md").read_text()
    steps = re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1].replace("staging.yaml", str(WORLD))
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with serving("correct-device-first") as base:
        steps = steps.replace("https://staging.example", f"{base} --operation shareInfo")
        done = subprocess.run(["sh", "-e", "-c", steps], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "no problems" in done.stdout
    first = openapi.load(folder / "contract.yaml").operations["shareInfo"].rules[0]
    assert first.outcome == "shareInfo/5135"


def test_a_server_that_follows_the_table_needs_no_patch(folder):
    with serving_contract(openapi.load()) as base:
        result = order(folder, base)
    assert result.exit_code == 0
    assert result.output.count("the server checks in the order of the table") == 10
    assert "+++" not in result.output
    assert "undecided: 5137 missing: recipient; when: share.sharingExpireAt <= now: needs rows in shares" in result.output


def running_in_a_circle(server, raw, body):
    """A server without an order: it checks pk before the token, dk before pk, and the token before dk."""
    absent = {name for name in ("token", "pk", "dk") if not raw.get(name, "").strip()}
    code = {frozenset({"token", "pk"}): 5066, frozenset({"pk", "dk"}): 5067, frozenset({"token", "dk"}): 5106}.get(
        frozenset(absent)
    )
    return body if code is None else body | {"code": code}


def test_a_server_whose_order_is_none_is_told_by_which_answers(folder, monkeypatch):
    monkeypatch.setitem(CATALOGUE, "circle", Entry(body=running_in_a_circle))
    with serving("circle") as base:
        result = order(folder, base, "--operation", "shareInfo")
    assert result.exit_code == 1
    assert "the server has no order" in result.output
    assert len(re.findall(r"shareInfo/(5066|5067|5106): curl", result.output)) == 3
    assert "+++" not in result.output


def test_a_server_that_breaks_the_contract_has_no_order_to_speak_of(folder):
    with serving("pk-and-dk-swapped") as base:
        result = order(folder, base, "--operation", "shareInfo")
    assert result.exit_code == 1
    assert "the server breaks the contract" in result.output
    assert "shareInfo/5066 - missing: pk" in result.output


def test_probes_change_nothing_and_secrets_stay_secret(folder, monkeypatch):
    monkeypatch.setenv("ALICE", "demo-token-alice")
    world = folder / "world.yaml"
    world.write_text(WORLD.read_text().replace("demo-token-alice", "'${ALICE}'"))
    successes = []
    monkeypatch.setitem(CATALOGUE, "watched", Entry(body=lambda server, raw, body: successes.append(body["code"] == 200) or body))
    with serving("watched") as base:
        result = order(folder, base, "--operation", "shareInfo", world=world)
    assert result.exit_code == 0, result.output
    assert 50 < len(successes) < 200
    assert not any(successes)
    assert "${ALICE}" in result.output
    assert "demo-token-alice" not in result.output


@pytest.mark.parametrize(
    ("raw", "code", "fits"),
    [
        ("acceptingExpireAt=-1&pk=p11pLZ&dk=D001", 5106, True),
        ("acceptingExpireAt=-1&pk=p11pLZ&dk=D001", 5145, False),  # assumed, and below the row for the token
        ("acceptingExpireAt=4102444800000&pk=p11pLZ&dk=none&coverMark=x", 5106, True),
        ("acceptingExpireAt=4102444800000&token&pk=p11pLZ&dk=none&coverMark=x", 5145, True),  # a permitted alternative to 5133
        ("acceptingExpireAt=4102444800000&token&pk=p11pLZ&dk=none&coverMark=x", 5135, False),
        ("acceptingExpireAt=-1&token&pk=p11pLZ&dk=none", 5135, True),  # a server need not have an assumed row
        ("acceptingExpireAt=4102444800000&token&pk=p11pLZ&dk=none", 5134, True),
    ],
)
def test_a_strict_order_allows_what_stands_above_the_first_documented_refusal(raw, code, fits):
    contract = CONTRACT.only("shareInfo")
    world = openapi.load_world(WORLD, contract, 1_760_000_000_000, {})
    operation = contract.operations["shareInfo"]
    pairs = tuple(tuple(each.split("=")) for each in raw.split("&") if "=" in each)
    headers = (("Authorization", "demo-token-alice"),) if "token" in raw else ()
    request = Request(operation.name, operation.method, operation.path, query=pairs, headers=headers)
    reply = Reply(200, {}, b'{"code":%d,"msg":""}' % code, world.now, world.now)
    kinds = [Oracle(contract, world, strict_order=strict).judge(request, reply).verdict.kind for strict in (False, True)]
    assert [kind == "violation" for kind in kinds] == [False, not fits]


TABLE = """openapi: 3.1.0
info: {title: Doors, version: '1'}
paths:
  /doors:
    post:
      operationId: open
      parameters:
        - {name: key, in: query, required: true, schema: {type: string}}
        - {name: floor, in: query, required: true, schema: {type: integer, minimum: 1}}
      responses: {'200': {description: Open}}
      x-outcomes:
        # Is everything there?
        - {status: 400, code: no_key, missing: key}   # a key is a text
        - status: 400
          code: no_floor
          # floors begin with 1
          missing: floor

        # Is it well formed?
        - {status: 422, malformed: floor}
        - {status: 200}"""


def rearranged(folder, text, *positions):
    file = folder / "doors.yaml"
    file.write_text(text)
    contract = openapi.load(file)
    rules = contract.operations["open"].rules
    return file, patched(contract, text, {"open": [rules[at] for at in positions]})


def test_rows_move_whole_and_comments_of_their_own_stay(tmp_path):
    file, new = rearranged(tmp_path, TABLE, 2, 1, 0)
    assert (
        new[new.index("        # Is e") :]
        == """        # Is everything there?
        - {status: 422, malformed: floor}
        - status: 400
          code: no_floor
          # floors begin with 1
          missing: floor

        # Is it well formed?
        - {status: 400, code: no_key, missing: key}   # a key is a text
        - {status: 200}
"""
    )
    (tmp_path / "patch").write_text(diff("doors.yaml", TABLE, new))
    subprocess.run(
        ["git", "apply", "-p0", "patch"], cwd=tmp_path, check=True, env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    )
    assert file.read_text() == new


def test_a_patch_keeps_line_ends(tmp_path):
    _, new = rearranged(tmp_path, TABLE.replace("\n", "\r\n"), 1, 0, 2)
    assert new.count("\n") == new.count("\r\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            TABLE[TABLE.index("      x-outcomes") :],
            "      x-outcomes: [{status: 400, missing: key}, {status: 400, missing: floor}, "
            "{status: 422, malformed: floor}, {status: 200}]",
        ),
        ("- {status: 422, malformed: floor}", "- *malformed"),
    ],
)
def test_rows_that_do_not_stand_on_lines_of_their_own_are_named(old, new, tmp_path):
    text = TABLE.replace(old, new).replace("paths:", "x-malformed: &malformed {status: 422, malformed: floor}\npaths:")
    with pytest.raises(Unwritable, match=r"doors.yaml:\d+: .*lines of its own"):
        rearranged(tmp_path, text, 2, 1, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--operation", "shareinfo"], "has no operation shareinfo (did you mean shareInfo?)"),
        (["--patch", "nowhere/order.patch"], "nowhere/order.patch cannot be written: its folder does not exist"),
        ([], "http://127.0.0.1:9 does not answer"),
    ],
)
def test_unusable_input_is_a_sentence_and_exit_code_2(options, message, folder):
    result = order(folder, "http://127.0.0.1:9", *options)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
