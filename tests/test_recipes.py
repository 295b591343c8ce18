"""docs/recipes.md: each recipe is a contract that runs, its outcomes all occur, and a server without its rule is caught."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
import yaml
from click.testing import CliRunner

import openapi
from contracts.cli.main import main
from mockserver import running

TEXT = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text()
PARTS = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
SNIPPETS = {question: re.search(r"```yaml\n(.*?)```", part, re.DOTALL)[1] for question, part in PARTS.items()}
FRAME = yaml.safe_load(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
CALLER = "What if I do not know the caller?"
USERS = {"users": [{"token": "ana-token", "name": "ana"}, {"token": "ben-token", "name": "ben"}]}
TOKENS = {name: f"{name}-token" for name in ("ana", "ben", "old")}
REQUEST = re.compile(
    r"^    (?P<method>[A-Z]+) (?P<path>/\S*)(?: as (?P<caller>\w+))?(?: with (?P<header>[\w-]+): (?P<value>\S+))?"
    r"(?: (?P<body>[{\[].*[}\]]))? → (?P<outcome>\d+)$",
    re.MULTILINE,
)
FEW_REQUESTS = ["--max-requests", 200, "--no-races", "--no-breadth", "--quiet"]
NOW = 1_760_000_000_000


class Recipe(NamedTuple):
    """What the page does not show of a recipe."""

    slips: list[list[tuple[str, str]]]
    """Servers without its rule, or with a slip in it: each a list of replacements in the text."""
    world: str = ""


RECIPES = {
    "What if a parameter is missing?": Recipe([[("required: true, ", ""), ("missing: city", "when: city == 'nowhere'")]]),
    "What if one of several must be there?": Recipe(
        [[("[email, phone]", "[email, \"'nobody'\"]")], [("[email, phone]", "[email]")]]
    ),
    "What if a value is malformed?": Recipe([[("maximum: 8", "maximum: 9")]]),
    "What if something deep in the body is wrong?": Recipe(
        [
            [("pattern: '^[0-9]{5}$', ", "")],
            [("                  required: [zip]\n", ""), ("missing: [address, address.zip]", "missing: address")],
        ]
    ),
    CALLER: Recipe(
        [[("missing: [token, caller]", "missing: token")], [("name: caller.name", "name: token")]], yaml.safe_dump(USERS)
    ),
    "What if a token has expired?": Recipe(
        [[("session.until <= now", "session.until <= 0")]],
        "sessions: [{token: ana-token, user: ana, until: now + 1d}, {token: old-token, user: ana, until: now - 1d}]",
    ),
    "How does a login issue tokens?": Recipe(
        [
            [("where: {name: name, password: password}", "where: {name: name}")],
            [("{token: fresh, name: name}", "{token: name, name: name}")],
        ],
        "accounts: [{name: ana, password: secret}]\nsessions: [{token: ana-token, name: ana}]",
    ),
    "What if the password comes encrypted?": Recipe(
        [
            [("pwd != expected", "pwd == 'none'")],
            [("'Bearer ' + fresh", "fresh")],
            [("key, key, account", "salt + key, key, account")],
        ],
        "accounts: [{name: ana, password: secret}]",
    ),
    "What if nothing has this id?": Recipe(
        [[("missing: note", "when: note.text == ''")]], "notes: [{id: a, text: milk}, {id: b, text: bread}]"
    ),
    "What if it belongs to somebody else?": Recipe(
        [
            [("letter.owner != caller.name", "letter.owner == 'nobody'")],
            [(", then: [{delete: letters, where: {id: id}}]", "")],
        ],
        "letters: [{id: a, owner: ana}, {id: b, owner: ben}]",
    ),
    "What if a name must be unique?": Recipe(
        [[("when: same.name == name", "when: same.name == 'nobody'")]], "teams: [{id: a, name: red}]"
    ),
    "What if the state forbids it?": Recipe(
        [[("created: [paid]", "created: [paid, shipped]")], [("set: {paid: true}", "set: {paid: false}")]],
        "orders: [{id: new}, {id: ready, paid: true}, {id: done, paid: true, sent: true}]",
    ),
    "What if somebody sends too many requests per minute?": Recipe(
        [[("size(recent) >= 3", "size(recent) >= 30")], [("where: {name: caller.name}", "where: {}")], [("60000", "10")]],
        "calls: [{id: a, name: ben, at: now}, {id: b, name: ben, at: now}, {id: c, name: ben, at: now}]",
    ),
    "What if there is a quota per day?": Recipe(
        [
            [("size(today) >= plan.daily", "size(today) > plan.daily")],
            [("insert: exports, row: {id: id, name: caller.name", "insert: exports, row: {id: id, name: id")],
        ],
        "plans: [{name: ana, daily: 2}, {name: ben, daily: 0}]",
    ),
    "What if a nonce is used twice?": Recipe(
        [[("used.nonce == X_Nonce", "used.nonce == 'none'")], [("row: {nonce: X_Nonce}", "row: {nonce: uuid()}")]],
        "nonces: [{nonce: seen}]",
    ),
    "What if requests must be signed?": Recipe(
        [[("X_Sign != expected", "X_Sign == 'none'")], [("app + string(t)", "string(t) + app")]],
        "apps: [{app: shop, secret: quiet}]",
    ),
    "What about If-Match and ETag?": Recipe(
        [[("If_Match != etag", "If_Match == 'none'")], [("page.version + 1", "page.version")]],
        "pages: [{id: home}, {id: news, version: 7}]",
    ),
    "What about an idempotency key?": Recipe(
        [
            [("when: before.amount == amount, data: {id: before.id", "when: before.amount == amount, data: {id: before.key")],
            [("key: Idempotency_Key, amount", "key: id, amount")],
        ],
        "payments: [{id: a, key: k1, amount: 5}]",
    ),
    "How do I write a page of a list, sorted, with a total?": Recipe(
        [
            [("total: size(every)", "total: size(shown)")],
            [("order: [sort, id]", "order: [id]")],
            [("(page - 1) * size", "page * size")],
        ],
        "books: [{id: a, price: 30}, {id: b, price: 10}, {id: c, price: 20}, {id: d, price: 20}, {id: e, price: 5}]",
    ),
    "What about a filter that may be absent?": Recipe(
        [[("row.city == wanted", "row.city != wanted")], [("wanted == '' || ", "")]],
        "flats: [{id: a, city: Bonn}, {id: b, city: Rome}]",
    ),
    "What about a batch with an outcome for each item?": Recipe(
        [[("set: {count: item.count}", "set: {count: 0}")], [("{missing: product, item:", "{when: item.count > 99, item:")]],
        "stock: [{sku: nut, count: 5}, {sku: bolt, count: 7}]",
    ),
    "What if a sum must not exceed a limit?": Recipe(
        [[("spent + amount > 1000", "amount > 1000")], [("spent + amount > 1000", "spent > 1000")]],
        "costs: [{id: a, name: ana, amount: 500}, {id: b, name: ana, amount: 400}]",
    ),
    "What if several operations share rows?": Recipe(
        [
            [("[usable, {status: 204}]", "[{status: 404, missing: door}, {status: 204}]")],
            [("when: door.locked", "when: '!door.locked'")],
        ],
        "doors: [{id: front}, {id: back}, {id: side}, {id: safe, locked: true}]",
    ),
    "What if the code is in the body, and refusals look different?": Recipe(
        [
            [("code: 1002, malformed: amount, body: {success: false", "code: 1002, malformed: amount, body: {success: true")],
            [("missing: amount, body: {success: false, field: \"'amount'\"}", "missing: amount")],
        ]
    ),
    "What if the documents do not say?": Recipe([[("required: true, ", ""), ("missing: tag", "when: tag == 'none'")]]),
}


def contract_of(question, slips=()):
    """The document of a recipe: the frame, its snippet, and where it says `caller` that recipe too."""
    text = SNIPPETS[question]
    for old, new in slips:
        assert old in text, f"{question}: {old}"
        text = text.replace(old, new)
    own = yaml.safe_load(text)
    if question == CALLER or not re.search(r"\bcaller\b", SNIPPETS[question]):
        return FRAME | own
    common = yaml.safe_load(SNIPPETS[CALLER])
    return FRAME | {key: merged(common.get(key), own.get(key)) for key in common | own} | {"paths": own["paths"]}


def merged(one, other):
    if one is None or other is None:
        return one if other is None else other
    return one | other if isinstance(one, dict) else one + other


class Files:
    def __init__(self, folder, question):
        self.contract, self.world = folder / "contract.yaml", folder / "world.yaml"
        recipe = RECIPES[question]
        document = contract_of(question)
        self.contract.write_text(yaml.safe_dump(document, sort_keys=False))
        data = yaml.safe_load(recipe.world or "{}")
        self.world.write_text(yaml.safe_dump((USERS if "users" in document.get("x-state", {}) else {}) | data))
        self.wrong = []
        for number, slips in enumerate(recipe.slips):
            file = folder / f"wrong-{number}.yaml"
            file.write_text(yaml.safe_dump(contract_of(question, slips), sort_keys=False))
            self.wrong.append(file)

    def verify(self, server, *options):
        files = ["--contract", self.contract, "--world", self.world]
        with running(contract=server, world=self.world) as mock:
            arguments = ["verify", "--target", mock.url, *files, *FEW_REQUESTS, *options]
            return CliRunner().invoke(main, [*map(str, arguments)])


def anchor_of(question):
    return re.sub(r"[^\w -]", "", question.lower()).replace(" ", "-")


@pytest.fixture(params=SNIPPETS, ids=lambda question: anchor_of(question))
def question(request):
    return request.param


@pytest.fixture
def files(question, tmp_path):
    return Files(tmp_path, question)


def test_every_recipe_is_tested_and_listed():
    assert SNIPPETS.keys() == RECIPES.keys()
    listed = re.findall(r"^\d+\. \[(.*)\]\(#(.*)\)$", TEXT, re.MULTILINE)
    assert [question for question, _ in listed] == [*SNIPPETS]
    assert [anchor for _, anchor in listed] == [anchor_of(each) for each in SNIPPETS]
    assert set(re.findall(r"\(#(.*?)\)", TEXT)) <= {anchor_of(each) for each in SNIPPETS}
    assert len(SNIPPETS) >= 20 and len(yaml.safe_dump(FRAME).splitlines()) <= 10


def answers(contract):
    """The outcomes that the mock may give."""
    rules = (rule for operation in contract.operations.values() for rule in operation.rules)
    return {rule.outcome for rule in rules if rule.kind != "permitted"}


def test_a_recipe_has_no_problems_and_a_witness_for_each_outcome(files):
    said = CliRunner().invoke(main, ["lint", str(files.contract)])
    assert said.exit_code == 0 and "note" not in said.output and "warning" not in said.output, said.output
    contract = openapi.load(files.contract)
    world = openapi.load_world(files.world, contract, NOW, {})
    for operation in contract.operations.values():
        found = {each.seen.answer.outcome for each in openapi.classified(operation, world.state, world.now)}
        assert found >= answers(contract.only(operation.name))


def test_the_mock_gives_every_outcome_of_a_recipe(files):
    verified = files.verify(files.contract)
    verdicts = re.findall(r"│ (\w+/\d+) +│ (\w[\w ]*\w) +│", verified.output)
    assert (verified.exit_code, "0 violations" in verified.output) == (0, True), verified.output
    assert {*verdicts} >= {(each, "verified") for each in answers(openapi.load(files.contract))}, verified.output


def test_a_server_without_the_rule_is_caught(files):
    assert files.wrong
    for wrong in files.wrong:
        verified = files.verify(wrong, "--fail-fast")
        assert verified.exit_code == 1, f"{wrong}: {verified.output}"


def test_the_requests_of_the_page_get_what_it_says(question, files):
    with running(contract=files.contract, world=files.world) as mock:
        for each in REQUEST.finditer(PARTS[question]):
            headers = {each["header"]: each["value"]} if each["header"] else {}
            if each["caller"]:
                headers["Authorization"] = f"Bearer {TOKENS[each['caller']]}"
            if each["body"]:
                headers["Content-Type"] = "application/json"
            reply = requests.request(each["method"], mock.url + each["path"], headers=headers, data=each["body"], timeout=10)
            assert reply.headers["Mock-Outcome"].rpartition("/")[2] == each["outcome"], f"{each[0]}: {reply.text}"


def test_every_line_that_looks_like_a_request_is_one():
    lines = [each for each in TEXT.splitlines() if "→" in each]
    assert len(lines) >= 20 and len(lines) == len(REQUEST.findall(TEXT))
