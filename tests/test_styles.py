"""Contracts of other styles of API: the suite names the rule that a wrong server breaks, and accuses no correct one.

Each server is the mock with a changed contract; the suite tests it against the true one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import openapi
from contracts.cli.main import main
from mockserver import running

HERE = Path(openapi.__file__).parent
MOST = {"payments": "2000"}
"""Requests to a server of a contract whose sequences need more than 800."""
WRONG_STATE = (
    "        - {status: 409, code: wrong_state, when: \"!again && !('refunded' in order.moves)\", "
    "body: {error: {state: order.phase}}}\n"
)
NEW_REFUND = "        - status: 201\n          mint: {refund: uuid()}\n"
WRONG = {
    "payments": {
        "the balance stays as it was after a payment": (
            [("            - {update: customers, where: {token: token}, set: {balance: row.balance - order.amount}}\n", "")],
            "balance/200",
        ),
        "the balance must be more than the amount": (
            [("customer.balance < order.amount", "customer.balance <= order.amount")],
            "pay/",
        ),
        "an order is paid without the money": ([("customer.balance < order.amount", "customer.balance < 0")], "pay/402"),
        "refunds are compared with the amount one by one": (
            [("!again && refunded + amount > order.amount", "!again && amount > order.amount")],
            "refund/422:too_much",
        ),
        "a refund that leaves nothing is refused": (
            [("!again && refunded + amount > order.amount", "!again && refunded + amount >= order.amount")],
            "refund/422:too_much",
        ),
        "an order is shipped before it is paid": (
            [("created: [paid]", "created: [paid, shipped]")],
            "ship/409:wrong_state",
        ),
        "a key that is sent again refunds again": (
            [("again: {first: [earlier.order == id && earlier.amount == amount, false]}", "again: {first: [false]}")],
            "refund/200",
        ),
        "a key that is sent again with another amount shows the first order": (
            [
                ("        - {status: 422, code: key_reused, when: earlier.amount != amount}\n", ""),
                ("when: earlier.amount == amount\n", "when: earlier.amount > 0\n"),
            ],
            "createOrder/422:key_reused",
        ),
        "keys are shared by all customers": (
            [
                (
                    "{last: orders, where: {customer: customer.name, key: Idempotency_Key}}",
                    "{last: orders, where: {key: Idempotency_Key}}",
                )
            ],
            "createOrder/",
        ),
        "everybody reads every order": (
            [("{last: orders, where: {id: id, customer: customer.name}}", "{find: orders, where: {id: id}}")],
            "404:not_found",
        ),
        "a new order has no Location": ([("          headers: {Location: \"'/orders/' + id\"}\n", "")], "Location"),
        "a fully refunded order stays paid": (
            [("when: refunded + amount == order.amount, set", "when: refunded + amount < 0, set")],
            'data/state is \\"',
        ),
    },
    "signed-requests": {
        "no signature is checked": ([("when: X_Sign != signature", "when: X_Sign == 'wrong'")], "1004"),
        "the body is not signed": ([("hex(sha256(request.body))", "hex(sha256(''))")], "1004"),
        "the signature is in lower case": ([("upper(hex(hmac(", "lower(hex(hmac(")], "1004"),
        "nonces are forgotten": ([("when: used.nonce == X_Nonce", "when: X_Nonce == 'zero'")], "1114"),
        "a nonce is spent for every app": (
            [("used: {find: nonces, where: {appKey: X_App_Key, nonce: X_Nonce}", "used: {last: nonces, where: {nonce: X_Nonce}")],
            "1114",
        ),
        "a timestamp may be two hours old": ([("X_Timestamp < now - 300000", "X_Timestamp < now - 7200000")], "1013"),
        "a timestamp may be in the future": ([(" || X_Timestamp > now + 300000", "")], "1013"),
        "tokens do not expire": ([("when: session.expiresAt <= now", "when: session.expiresAt <= 0")], "1010"),
        "the token of another app is accepted": ([("  - {code: 1011, when: session.appKey != X_App_Key}\n", "")], "1011"),
        "every app reads every device": ([("when: device.appKey != X_App_Key", "when: device.appKey == ''")], "1106"),
        "a value may be one too large": ([("c.value > row.most", "c.value > row.most + 1")], "commands/2008"),
        "only the first command is checked": (
            [("exists: '!(item.code in codes)'", "exists: '!(commands[0].code in codes)'")],
            "commands/2003",
        ),
        "commands change nothing": ([("            - {each: commands, upsert: settings, ", "#")], "device/0"),
        "an offline device takes commands": ([("when: '!device.online'", "when: device.name == ''")], "commands/2001"),
        "a refusal says success": ([("refusal: {success: false}", "refusal: {}")], "success"),
    },
}
"""By contract: what is wrong, the texts that make it so, and what the violation must name."""
RIGHT = {
    "payments": {
        "ids have another form": [("mint: {id: uuid()}", "mint: {id: \"'o-' + uuid()\"}")],
        "the state is checked after the amount": [(WRONG_STATE, ""), (NEW_REFUND, WRONG_STATE + NEW_REFUND)],
        "there is more in every body": [
            ("body: {}, refusal: {error: {}}", "body: {version: 2}, refusal: {error: {help: see the pages}}")
        ],
    },
    "signed-requests": {
        "the token is checked before the signature": [
            ("  - {code: 1004, when: X_Sign != signature}\n", ""),
            (
                "  - {code: 2017, missing: device}\n",
                "  - {code: 1004, when: X_Sign != signature}\n  - {code: 2017, missing: device}\n",
            ),
        ],
        "tokens have another form": [("mint: {token: uuid()}", "mint: {token: \"'at.' + uuid() + '.v1'\"}")],
        "there is more in every body": [("body: {success: true}", "body: {success: true, tid: '1', t: 5}")],
    },
}
"""By contract: what the documents leave open, and the texts that do otherwise."""


def servers(table):
    return [pytest.param(name, what, id=f"{name}: {what}") for name, each in table.items() for what in each]


def examined(name, changes, tmp_path):
    """The exit code and the report of the suite, of a server with these changes of the contract."""
    contract, world = HERE / f"{name}.yaml", HERE / "worlds" / f"{name}.yaml"
    text = contract.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    changed, report = tmp_path / "changed.yaml", tmp_path / "report.json"
    changed.write_text(text)
    with running(changed, world) as mock:
        options = ["--target", mock.url, "--contract", contract, "--world", world, "--json", report]
        result = CliRunner().invoke(
            main, ["verify", *map(str, options), "--max-requests", MOST.get(name, "800"), "--no-races", "--no-breadth", "--quiet"]
        )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result, json.loads(report.read_text())


@pytest.mark.parametrize(("name", "what"), servers(WRONG))
def test_a_wrong_server_is_caught_by_the_rule_that_it_breaks(name, what, tmp_path):
    changes, rule = WRONG[name][what]
    result, report = examined(name, changes, tmp_path)
    assert result.exit_code == 1, result.output
    assert rule in json.dumps(report["violations"]), result.output


@pytest.mark.parametrize(("name", "what"), servers(RIGHT))
def test_a_correct_server_of_other_habits_is_not_accused(name, what, tmp_path):
    result, report = examined(name, RIGHT[name][what], tmp_path)
    # 3 says that so few requests did not cover everything.
    assert report["violations"] == [] and result.exit_code in (0, 3), result.output
