"""`contracts import`: drafts of pages in each dialect, compared with the pages and with the contract of our endpoint."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import openapi
from contracts.cli.main import main
from mockserver import running

PAGES = Path(__file__).parent / "pages"
NAMES = sorted(each.name for each in PAGES.iterdir())
NOW = 1_760_000_000_000
OUTCOMES = ["200", "5032", "5066", "5067", "5106", "5132", "5133", "5134", "5145", "5153"]
"""The outcomes of shareInfo that the draft has right; who owns a device, and what is verified, no page says."""


def run(*arguments):
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


class Drafted:
    """A draft and its world, loaded."""

    def __init__(self, folder, *pages):
        self.file, self.world_file = folder / "draft.yaml", folder / "draft-world.yaml"
        result = run("import", *(PAGES / each for each in pages), "-o", self.file)
        assert (result.exit_code, result.stderr) == (0, "")
        self.text, self.summary = self.file.read_text(), result.output
        self.data = yaml.safe_load(self.text)
        self.contract = openapi.load(self.file)
        self.state = openapi.State.empty(self.contract.tables.values())
        if self.world_file.exists():
            self.state = openapi.load_world(self.world_file, self.contract, NOW, {}).state

    def rows(self, name):
        return [
            (rule.status if rule.code is None else rule.code, rule.condition, rule.kind)
            for rule in self.contract.operations[name].rules
        ]

    def parameters(self, name):
        return {each.name: (each.location, each.required, each.schema) for each in self.contract.operations[name].parameters}

    def todos(self, name):
        operation = self.contract.operations[name]
        return self.data["paths"][operation.path][operation.method.lower()].get("x-todo", [])


@pytest.fixture
def drafted(tmp_path):
    return lambda *pages: Drafted(tmp_path, *pages)


def conditions(rules, code):
    """The conditions of the rows with a code: words and names, without operators and without the order of the names."""
    return {
        (
            frozenset(rule.missing),
            frozenset((*rule.malformed, *rule.unreadable)),
            frozenset(str(each) for each in rule.when.references) if rule.when else frozenset(),
        )
        for rule in rules
        if str(rule.code) == code
    }


def decided(operation, raw, state):
    return openapi.decide(operation, raw, state, NOW, random.Random(1)).outcome


@pytest.fixture(scope="module")
def by_hand():
    """shareInfo as the contract has it, the demo world, and for each outcome requests that break no other rule."""
    contract = openapi.load()
    state = openapi.load_world(openapi.demo_world(), contract, NOW, {}).state
    operation = contract.operations["shareInfo"]
    requests = {}
    for each in openapi.classified(operation, state, NOW):
        held = [rule for rule in each.seen.rules if rule.kind != "permitted"]
        known = requests.setdefault(each.seen.answer.outcome, [])
        if held == [each.seen.answer] and held[0].kind == "documented" and len(known) < 100:
            known.append(each.raw)
    return operation, state, requests


def agreeing(draft, by_hand):
    """The outcomes that a draft has right: each of its rows is one of the contract, and both decide alike on the requests for it.

    No request forces 5134, which both only permit.
    """
    mine, (theirs, _, requests) = draft.contract.operations["shareInfo"], by_hand
    right = []
    for outcome in theirs.outcomes:
        code = outcome.rpartition("/")[2]
        found, wanted = conditions(mine.rules, code), conditions(theirs.rules, code)
        same = [decided(mine, translated(raw), draft.state) == outcome for raw in requests.get(outcome, ())]
        if found and found <= wanted and (all(same) if same else code == "5134"):
            right.append(code)
    return right


def translated(raw):
    """A request to the demo world as one to the world of a draft, in which one token is known."""
    known = raw.get("token", "").removeprefix("Bearer ") in ("demo-token-alice", "demo-token-bob", "demo-token-carol")
    return raw | {"token": "demo-token"} if known else raw


@pytest.mark.parametrize("pages", [["share-info.md"], ["share-info-en.md"], ["share-info.md", "share-info-en.md"]], ids=str)
def test_the_draft_of_our_endpoint_agrees_with_the_contract(drafted, by_hand, pages):
    draft = drafted(*pages)
    assert sorted(agreeing(draft, by_hand)) == OUTCOMES
    assert set(draft.contract.operations["shareInfo"].outcomes) == set(by_hand[0].outcomes)


def test_the_comparison_fails_on_a_wrong_draft(drafted, by_hand):
    draft = drafted("share-info.md")
    for right, wrong in (
        ("missing: pk", "missing: authKey"),
        ("sharingExpireAt <=", "sharingExpireAt >="),
        ("enum: [1, 2, 3], ", ""),
    ):
        draft.file.write_text(
            draft.text.replace(right, wrong).replace("name: pk, in: query, required: true", "name: pk, in: query")
        )
        draft.contract = openapi.load(draft.file)
        assert len(agreeing(draft, by_hand)) < len(OUTCOMES), right


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 200),
        ({"token": None}, 5106),
        ({"token": "nobody"}, 5032),
        ({"pk": None}, 5066),
        ({"dk": " "}, 5067),
        ({"acceptingExpireAt": None}, 5132),
        ({"acceptingExpireAt": "soon"}, 5145),
        ({"sharingExpireAt": "1.5"}, 5145),
        ({"coverMark": "4"}, 5133),
        ({"coverMark": "x"}, 5133),
        ({"sharingExpireAt": str(NOW + 1000)}, 5153),
        ({"sharingExpireAt": str(NOW + 1001)}, 200),
    ],
)
def test_the_draft_and_the_contract_decide_alike(drafted, by_hand, changes, code):
    draft, (theirs, state, _) = drafted("share-info.md"), by_hand
    raw = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(NOW + 1000), "token": "T"} | changes
    raw = {name: value for name, value in raw.items() if value is not None}

    def asked(operation, state, token):
        return decided(operation, raw | ({"token": token} if raw.get("token") == "T" else {}), state)

    assert asked(theirs, state, "demo-token-alice") == f"shareInfo/{code}"
    assert asked(draft.contract.operations["shareInfo"], draft.state, "demo-token") == f"shareInfo/{code}"


def test_the_parameters_of_our_endpoint_are_read(drafted, by_hand):
    draft = drafted("share-info.md")
    mine, theirs = draft.parameters("shareInfo"), {each.name: each for each in by_hand[0].parameters}
    assert mine.keys() == theirs.keys()
    for name, (location, required, schema) in mine.items():
        assert (location, required) == (theirs[name].location, theirs[name].required), name
        assert schema.get("enum") == theirs[name].schema.get("enum") and schema.get("default") == theirs[name].default, name
        assert schema["type"] == theirs[name].type and schema.get("format") == theirs[name].schema.get("format"), name


def test_what_a_person_must_decide_is_listed_with_its_line(drafted):
    draft = drafted("share-info.md")
    said = run("lint", draft.file).output.splitlines()
    lines = draft.text.splitlines()
    notes = [each for each in said if each.startswith("note: ")]
    assert len(notes) == 5 and f"{len(notes)} to decide" in draft.summary
    for note in notes:
        line = int(note.removeprefix(f"note: {draft.file}:").partition(":")[0])
        assert note.partition(": to decide: ")[2] in lines[line - 1].replace("''", "'")
    assert any("the example has code 0, the table at share-info.md:37 200; is 200 success?" in each for each in notes)
    assert any("share-info.md:45: 5135" in each for each in notes)
    assert said[-1] == f"{draft.file}: no problems in 1 operation, 12 rows"


def test_every_guess_names_its_page_and_line(drafted):
    draft = drafted("share-info.md")
    page = (PAGES / "share-info.md").read_text().splitlines()
    for rule in draft.contract.operations["shareInfo"].rules[:-1]:
        name, line, _ = rule.why.split(":", 2)
        assert name == "share-info.md" and page[int(line) - 1].startswith(f"|{rule.code}|")
    assert "# The order is a guess" in draft.text
    assert draft.contract.operations["shareInfo"].success.kind == "documented"


def test_two_pages_in_two_languages_are_one_operation(drafted):
    draft = drafted("share-info.md", "share-info-en.md")
    assert list(draft.contract.operations) == ["shareInfo"]
    assert draft.data["x-messages"]["5106"] == {"zh": "请输入token", "en": "Please enter token"}
    assert draft.contract.languages == ("zh", "en")


def test_a_draft_of_many_pages_has_common_rows(drafted):
    draft = drafted("share-info.md", "share-device.md", "knife4j-old.md")
    common = [(each["code"], each["missing"]) for each in draft.data["x-outcomes"]]
    assert common == [(5106, "token"), (501, "credential"), (5032, "caller"), (502, "caller2")]
    assert any("the code is in errno here, and in code elsewhere" in each for each in draft.todos("receive"))
    assert set(draft.contract.operations) == {"shareInfo", "shareDevice", "receive", "list"}
    own = draft.data["paths"]["/v2/binding/enduserapi/shareDevice"]["post"]["x-outcomes"]
    assert {each["code"] for each in own} == {200, 5049, 5136, 5137, 5138, 5151, 5333}
    assert "msg" in own[-1] or "msg" in draft.data["paths"]["/v2/binding/enduserapi/shareInfo"]["post"]["x-outcomes"][-1]


def test_knife4j_of_old(drafted):
    draft = drafted("knife4j-old.md")
    assert draft.rows("receive") == [
        (501, "missing: token", "assumed"),
        (502, "missing: caller", "assumed"),
        (740, "missing: couponId", "assumed"),
        (741, "missing: mobile", "assumed"),
        (742, "malformed: channel", "assumed"),
        (400, "malformed: couponId, mobile", "assumed"),
        (743, "always", "permitted"),
        (0, "always", "documented"),
    ]
    assert draft.parameters("receive")["channel"] == (
        "body",
        False,
        {"type": "string", "enum": ["APP", "WEB", "MINI"]} | DESCRIBED,
    )
    assert draft.parameters("list")["page"][2] == {"type": "integer", "format": "int32", "default": 1}
    assert draft.parameters("list")["status"][2]["enum"] == [0, 1]
    assert draft.rows("list")[-2:] == [(402, "malformed: page, status", "assumed"), (0, "always", "documented")]
    scheme = draft.data["components"]["securitySchemes"]["token"]
    assert scheme == {"type": "apiKey", "in": "header", "name": "token"}
    assert draft.data["x-envelope"]["code"] == "/errno" and draft.data["x-envelope"]["message"] == "/errmsg"


DESCRIBED = {"description": "渠道,可用值:APP,WEB,MINI"}


def test_knife4j_of_today(drafted):
    draft = drafted("knife4j-new.md")
    assert draft.rows("orders") == [
        (1001, "missing: startTime", "assumed"),
        (1002, "missing: endTime", "assumed"),
        (400, "missing: items", "assumed"),
        (1004, "malformed: payType", "assumed"),
        (400, "malformed: items, startTime, endTime", "assumed"),
        (1003, "when: endTime <= startTime", "assumed"),
        (1005, "always", "permitted"),
        (9999, "always", "permitted"),
        (200, "always", "documented"),
    ]
    assert draft.data["x-messages"]["1003"] == {
        "zh": "结束时间必须大于开始时间",
        "en": "End time must be greater than start time",
    }
    body = draft.data["paths"]["/api/v1/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["items"]["items"]["required"] == ["skuId", "quantity"]
    assert body["properties"]["payType"]["default"] == 2
    assert "201, 401, 403, 404 are left out" in draft.text
    reply = draft.data["paths"]["/api/v1/orders"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert reply["properties"]["data"]["properties"]["items"]["type"] == ["array", "null"]


def test_yapi(drafted):
    draft = drafted("yapi.md")
    assert draft.rows("loans") == [
        (40101, "missing: token", "assumed"),
        (40101, "missing: caller", "assumed"),
        (40001, "missing: isbn", "assumed"),
        (40002, "malformed: days", "assumed"),
        (400, "malformed: isbn, reader", "assumed"),
        (40301, "always", "permitted"),
        (0, "always", "documented"),
    ]
    assert draft.parameters("loans")["days"][2]["default"] == 14
    assert draft.parameters("loans")["reader"][2]["properties"]["card"]["type"] == "string"
    assert draft.contract.operations["getLibraryLoansId"].path == "/library/loans/{id}"


def test_apifox(drafted):
    draft = drafted("apifox.md")
    name = "postConsultationsConsultationIdMessages"
    assert draft.data["info"]["title"] == "咨询"
    assert [rule.code for rule in draft.contract.operations[name].rules] == [400, 400, 400, 400, 0]
    assert {each: part[:2] for each, part in draft.parameters(name).items()} == {
        "consultationId": ("path", True),
        "content": ("body", True),
        "kind": ("body", False),
        "more": ("body", False),
        "token": ("header", True),
    }
    assert draft.parameters(name)["more"][2]["required"] == ["source"]
    assert draft.parameters(name)["kind"][2]["enum"] == [0, 1]
    assert draft.parameters("getConsultationsConsultationIdMessages")["limit"][2]["default"] == 20
    assert any("0 is the code of the example; is it success?" in each for each in draft.todos(name))


def test_a_page_written_by_hand(drafted):
    draft = drafted("hand-made.md")
    assert draft.rows("parcels") == [
        (1001, "missing: token", "assumed"),
        (1001, "missing: caller", "assumed"),
        (2001, "missing: phone", "assumed"),
        (2002, "missing: size", "assumed"),
        (2003, "malformed: size", "assumed"),
        (2004, "malformed: hours", "assumed"),
        (400, "malformed: phone", "assumed"),
        (3001, "always", "permitted"),
        (9000, "always", "permitted"),
        (0, "always", "documented"),
    ]
    assert draft.parameters("parcels")["size"][2]["enum"] == ["S", "M", "L"]
    assert draft.contract.operations["getV1ParcelsCode"].path == "/v1/parcels/{code}"
    assert draft.parameters("getV1ParcelsCode")["full"][2] == {"type": "boolean"}


def test_swagger_2(drafted):
    draft = drafted("swagger2.json")
    assert draft.rows("addPet") == [
        (401, "missing: apiKey", "assumed"),
        (401, "missing: caller", "assumed"),
        (422, "missing: name", "assumed"),
        (422, "malformed: name, age, mother", "assumed"),
        (500, "always", "permitted"),
        (201, "always", "documented"),
    ]
    assert draft.rows("listPets")[:2] == [(400, "missing: kind", "assumed"), (400, "malformed: limit, kind", "assumed")]
    assert draft.rows("getPet")[1] == (404, "always", "permitted")
    assert draft.data["components"]["schemas"]["Pet"]["properties"]["mother"] == {"$ref": "#/components/schemas/Pet"}


def test_openapi(drafted):
    draft = drafted("openapi.json")
    assert "x-envelope" not in draft.data  # one body of three has a code, and that is of errors
    table = draft.data["paths"]["/shelves"]["post"]["x-outcomes"]
    success = table[-1]
    assert (success["status"], success["data"]["id"]) == (201, "newId")
    assert success["mint"]["newId"] == 7
    refusal = next(row for row in table if row["status"] == 400)
    assert set(refusal["data"]) == {"code", "message"}  # as its schema demands


def test_postman(drafted):
    draft = drafted("postman.json")
    assert draft.rows("bookings") == [
        (102, "missing: token", "assumed"),
        (102, "missing: caller", "assumed"),
        (101, "missing: room", "assumed"),
        (400, "malformed: notify, room, from, until", "assumed"),
        (103, "when: until <= from", "assumed"),
        (0, "always", "documented"),
    ]
    assert draft.parameters("bookings")["notify"][0] == "query"


def test_traffic(drafted):
    draft = drafted("traffic.har")
    assert [each.path for each in draft.contract.operations.values()] == ["/api/items/{id}", "/api/orders"]
    assert (17, "missing: limit", "assumed") in draft.rows("getApiItemsId")
    assert {"item", "count", "password"} <= draft.parameters("orders").keys()
    assert {(99, "always", "permitted"), (500, "always", "permitted")} <= set(draft.rows("orders"))


def test_recorded_secrets_are_not_copied(drafted):
    for page in ("postman.json", "traffic.har"):
        draft = drafted(page)
        for secret in ("not-for-the-draft", "secret-one", "secret-two", "987654321", "Secret3", "Secret4"):
            assert secret not in draft.text
        draft.file.unlink()
        draft.world_file.unlink()


@pytest.mark.parametrize("page", NAMES)
def test_a_draft_lints_explains_and_serves(drafted, page):
    draft = drafted(page)
    linted = run("lint", draft.file)
    assert (linted.exit_code, "no problems" in linted.output) == (0, True), linted.output
    assert run("explain", draft.file).exit_code == 0
    world = draft.world_file if draft.world_file.exists() else None
    with running(contract=draft.file, world=world) as mock:
        mock.create("draft")
        if world is None:
            world = draft.file.with_name("nothing.yaml")
            world.write_text("seed: 1\n")
        target = ["--target", f"{mock.url}/worlds/draft", "--contract", draft.file, "--world", world]
        verified = run("verify", *target, "--max-requests", 300, "--walks", 1, "--no-races", "--quiet")
        assert (verified.exit_code, "0 violations" in verified.output) == (0, True), verified.output


@pytest.mark.parametrize("page", NAMES)
def test_a_draft_reads_as_the_same_data_everywhere(drafted, page):
    draft = drafted(page)
    assert openapi.parse_document(draft.text, "draft.yaml").data == draft.data
    assert max(map(len, draft.text.splitlines())) < 400
    assert run("import", PAGES / page).output == draft.text


def test_the_example_of_the_documentation_runs(tmp_path):
    root = Path(__file__).parent.parent
    text = (root / "docs" / "import.md").read_text()
    commands, serve, curl = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "tests").symlink_to(root / "tests")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def shell(script):
        environ = os.environ | {"PATH": path}
        return subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)

    done = shell(commands)
    assert (done.returncode, done.stderr) == (0, "")
    [note] = re.findall(r"^    (note: .*)$", text, re.MULTILINE)
    assert note in done.stdout
    assert serve == "mockserver serve --contract draft.yaml --world draft-world.yaml\n"
    with running(contract=tmp_path / "draft.yaml", world=tmp_path / "draft-world.yaml") as mock:
        reply = shell(f"{curl.replace('http://127.0.0.1:4010', mock.url).strip()} --silent").stdout
    assert '"code": 5132' in reply or '"code":5132' in reply
    assert "ten are those" in text and len(OUTCOMES) == 10


def page(path, *codes, more=""):
    rows = "".join(f"|{code}|{text}|\n" for code, text in codes)
    parameters = f"|name|in|required|type|\n|-|-|-|-|\n|pk|query|true|string|\n{more}\n"
    return f"GET /{path}\n\n{parameters}|code|message|\n|-|-|\n|0|success|\n{rows}\n"


@pytest.mark.parametrize(
    ("third", "row", "common"),
    [
        (page("c", (7, "pk is required")), (7, "missing: pk"), [{"code": 7, "missing": "pk"}]),
        (page("c", (8, "pk is required")), (8, "missing: pk"), []),
        (page("c", (9, "bad request"), more="|dk|query|true|string|\n"), (9, "missing: pk, dk"), []),
    ],
    ids=["all", "another code", "another condition"],
)
def test_a_row_is_common_if_all_that_it_applies_to_have_it(tmp_path, third, row, common):
    same = (7, "pk is required")
    (tmp_path / "page.md").write_text(page("a", same) + page("b", same) + third)
    draft = Drafted(tmp_path, tmp_path / "page.md")
    found = [{key: value for key, value in each.items() if key != "assumed"} for each in draft.data.get("x-outcomes", [])]
    assert found == common
    for name in ("a", "b"):
        assert draft.rows(name)[0] == (7, "missing: pk", "assumed")
    assert draft.rows("c")[0] == (*row, "assumed")


def test_of_two_general_codes_the_first_counts(tmp_path):
    (tmp_path / "page.md").write_text(page("a", (3, "bad request"), (4, "invalid parameters")))
    draft = Drafted(tmp_path, tmp_path / "page.md")
    assert draft.rows("a")[:2] == [(3, "missing: pk", "assumed"), (4, "always", "permitted")]
