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
SENT = "          then: [{insert: messages, row: {id: msgid, app: token.app, touser: touser, at: now}}]\n"
WRONG_STATE = (
    "        - {status: 409, code: wrong_state, when: \"!again && !('refunded' in order.moves)\", "
    "body: {error: {state: order.phase}}}\n"
)
NEW_REFUND = "        - status: 201\n          mint: {refund: uuid()}\n"
WRONG = {
    "articles": {
        "a new article has no Location": ([("Location: \"'/articles/' + id\", ETag: tag", "ETag: tag")], "the header Location"),
        "a path without the id": ([("\"'/articles/' + id\"", "\"'/articles'\"")], "the header Location"),
        "an article has no ETag": ([("          headers: {ETag: article.tag}\n", "")], "the header ETag"),
        "stale tags are accepted": (
            [("    - {status: 412, code: stale, when: If_Match != article.tag}\n", "")],
            "412:stale",
        ),
        "a change needs no tag": ([("    - {status: 428, code: no_tag, missing: If_Match}\n", "")], "428:no_tag"),
        "everybody changes everything": (
            [
                (
                    "  own: {status: 403, code: not_yours, when: article.author != person.name}",
                    "  own: {status: 403, code: not_yours, when: article.author == ''}",
                )
            ],
            "403:not_yours",
        ),
        "readers publish": (
            [("        - {status: 403, code: no_writer, when: '!person.writer'}\n", "")],
            "publish/403:no_writer",
        ),
        "an article may take its own title only once": ([(", if: row.id != id}", "}")], "change/"),
        "a title is taken by anybody": (
            [
                (
                    "same: {all: articles, where: {author: person.name, title: title}}",
                    "same: {all: articles, where: {title: title}}",
                )
            ],
            "publish/",
        ),
        "descending order is ascending": ([("order: sort, skip", "order: number, skip")], "articles/200"),
        "pages begin at 0": ([("skip: (page - 1) * size", "skip: page * size")], "articles/200"),
        "the total is that of the page": ([("total: size(chosen)", "total: size(shown)")], "articles/200"),
        "the total counts every author": (
            [("chosen: {all: articles, if: author == '' || row.author == author}", "chosen: {all: articles}")],
            "articles/200",
        ),
        "a page begins with the last article of the page before": (
            [("if: row.number > after,", "if: row.number >= after,")],
            "feed/200",
        ),
        "a cursor begins at the beginning": (
            [("after: {first: [place.after, 0]}", "after: {first: [0, place.after]}")],
            "feed/200",
        ),
        "the feed is not in order": ([("order: number, take: limit}", "order: -number, take: limit}")], "feed/200"),
    },
    "errcode-platform": {
        "a limit that is off by one": ([("size(sentInADay) >= app.quota", "size(sentInADay) > app.quota")], "/45009"),
        "a limit that counts the messages of other users too": (
            [
                (
                    "where: {app: token.app, touser: touser}, if: row.at > now - 60000",
                    "where: {app: token.app}, if: row.at > now - 60000",
                )
            ],
            "sendMessage/0",
        ),
        "older messages count": ([("if: row.at > now - 86400000", "if: row.at > now - 864000000")], "/45009"),
        "a sent template does not count": (
            [
                (
                    f"- mayReceive\n        - code: 0\n          mint: {{msgid: uuid()}}\n{SENT}",
                    "- mayReceive\n        - code: 0\n          mint: {msgid: uuid()}\n",
                )
            ],
            "sendMessage/450",
        ),
        "an old token stays good": ([("when: token.expiresAt <= now", "when: token.expiresAt < 0")], "/42001"),
        "the templates of all apps": (
            [("own: {all: templates, where: {app: token.app}}", "own: {all: templates}")],
            "Templates/",
        ),
        "refused words are not looked for": ([("when: risky", "when: text.content == ''")], "sendMessage/87014"),
        "a message that is one too long": ([("maxLength: 600", "maxLength: 601")], "sendMessage/45002"),
        "another app's follower": (
            [("find: followers, where: {app: token.app, openid: touser}", "last: followers, where: {openid: touser}")],
            "/40003",
        ),
        "the life of a token in ms": ([("expires_in: 7200", "expires_in: 7200000")], "expires_in"),
    },
    "login": {
        "an account that is locked too late": (
            [("size(recent) >= 5", "size(recent) > 5"), ("size(recent) < 5", "size(recent) <= 5")],
            "login/423",
        ),
        "wrong passwords that are not counted": (
            [("          then: [{insert: attempts, row: {id: attempt, user: name, at: now}}]\n", "")],
            "login/",
        ),
        "old wrong passwords lock": ([("row.at > now - 900000", "row.at > now - 9000000")], "login/"),
        "the password is not looked at": (
            [("account.password != password", "account.password == ''")],
            "login/401:wrong_credentials",
        ),
        "a refresh token that is good again": ([("set: {used: true}", "set: {used: false}")], "refresh/401:used_refresh_token"),
        "an access token that stays good after a refresh": (
            [
                (
                    "{update: sessions, where: {id: known.session}, set: {access: access, expiresAt: now + 3600000}}",
                    "{insert: sessions, row: {id: access, user: older.user, access: access, expiresAt: now + 3600000}}",
                ),
                (
                    "known: {find: refreshTokens, where: {token: refreshToken}}",
                    "known: {find: refreshTokens, where: {token: refreshToken}}\n"
                    "        older: {find: sessions, where: {id: known.session}}",
                ),
            ],
            "401:invalid_token",
        ),
        "a refresh token that outlives the session": (
            [("            - {delete: refreshTokens, where: {session: session.id}}\n", "")],
            "refresh/401:invalid_refresh_token",
        ),
        "an expired token is good": ([("when: session.expiresAt <= now", "when: session.expiresAt < 0")], "401:expired_token"),
        "an e-mail address that two have": (
            [("when: holder.name != session.user", "when: holder.name == ''")],
            "changeProfile/409:email_taken",
        ),
        "nobody may send the own e-mail address again": (
            [("when: holder.name != session.user", "when: holder.name != ''")],
            "changeProfile/200",
        ),
        "a change that is not kept": ([(", email: newEmail, phone: newPhone}}]", "}}]")], "profile/200"),
    },
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
        "only the first command is checked": (
            [("exists: '!(item.code in codes)'", "exists: '!(commands[0].code in codes)'")],
            "commands/2003",
        ),
        "commands change nothing": ([("            - {each: commands, upsert: settings, ", "#")], "device/0"),
        "an offline device takes commands": ([("when: '!device.online'", "when: device.name == ''")], "commands/2001"),
        "a refusal says success": ([("refusal: {success: false}", "refusal: {}")], "success"),
    },
    "warehouse": {
        "the last piece cannot be ordered": ([("each.quantity > row.stock", "each.quantity >= row.stock")], "place/"),
        "an order takes nothing from the shelves": (
            [("set: {stock: row.stock - item.quantity}", "set: {stock: row.stock}")],
            "body/",
        ),
        "an order takes one piece of each product": (
            [("set: {stock: row.stock - item.quantity}", "set: {stock: row.stock - 1}")],
            "body/",
        ),
        "only what is there is listed as missing": ([("each: short, item", "each: found, item")], "place/409:3004"),
        "one order more than the quota": ([("size(waiting) >= buyer.quota", "size(waiting) > buyer.quota")], "place/3003"),
        "orders that were sent count": (
            [("where: {customer: customer.id, sent: false}", "where: {customer: customer.id}")],
            "place/",
        ),
        "an order can be sent twice": ([("        - {code: 3006, when: order.sent}\n", "")], "send/3006"),
        "a product may be there twice": (
            [
                (
                    "        - {code: 2002, malformed: body}\n        - {code: 2003, when:",
                    "        - {code: 2002, malformed: body}\n        - {code: 2003, permitted: no, when:",
                )
            ],
            "move/2003",
        ),
        "the outcomes of an unknown product and of too little stock are swapped": (
            [
                ("{sku: item.sku, code: 3002}", "{sku: item.sku, code: 3004}"),
                (
                    "product.stock + item.change < 0, item: {sku: item.sku, code: 3004}",
                    "product.stock + item.change < 0, item: {sku: item.sku, code: 3002}",
                ),
            ],
            "move/0",
        ),
        "items that are refused change the stock": ([("              when: product.stock + item.change >= 0\n", "")], "body/"),
        "items that are done do not change the stock": (
            [("set: {stock: product.stock + item.change}", "set: {stock: product.stock}")],
            "body/",
        ),
        "the last piece cannot be booked": (
            [
                ("product.stock + item.change >= 0", "product.stock + item.change > 0"),
                ("product.stock + item.change < 0", "product.stock + item.change <= 0"),
            ],
            "move/0",
        ),
        "one unknown product refuses the whole batch": (
            [
                (
                    "x-let: {skus: {list: item.sku, of: body}}",
                    "x-let: {skus: {list: item.sku, of: body}, all: {all: products}, every: {list: row.sku, of: all}, "
                    "unknown: {list: item.sku, of: body, if: '!(item.sku in every)'}}",
                ),
                (
                    "        - {code: 2002, malformed: body}\n",
                    "        - {code: 2002, malformed: body}\n        - {code: 3002, when: size(unknown) > 0}\n",
                ),
            ],
            "move/",
        ),
        "the value is the sum of the prices": (
            [("value: {sum: row.stock * row.price, of: shelf}", "value: {sum: row.price, of: shelf}")],
            "stock/0",
        ),
        "an order is worth what its products cost now": (
            [("        value: {sum: row.quantity * row.price, of: lines}", "        value: {sum: row.quantity * 25, of: lines}")],
            "order/0",
        ),
        "the stock of all zones": ([("shelf: {all: products, where: {zone: zone}}", "shelf: {all: products}")], "stock/0"),
    },
}
"""By contract: what is wrong, the texts that make it so, and what the violation must name."""
RIGHT = {
    "articles": {
        "tags are numbers in quotation marks": (
            [
                ("tag: \"'\\\"' + uuid() + '\\\"'\"", 'tag: "\'\\"0\\"\'"'),
                ("newTag: \"'\\\"' + uuid() + '\\\"'\"", "newTag: \"article.tag + '1'\""),
            ]
        ),
        "numbers have gaps": [("number: before + 1", "number: before + 10")],
        "a cursor is the number in other words": [("mint: {next: uuid()}", "mint: {next: \"'after ' + string(until)\"}")],
        "the tag is checked before the owner": [
            (
                "  own: {status: 403, code: not_yours, when: article.author != person.name}\n",
                "  own: {status: 412, code: stale, when: If_Match != article.tag}\n",
            ),
            (
                "    - {status: 412, code: stale, when: If_Match != article.tag}\n",
                "    - {status: 403, code: not_yours, when: article.author != person.name}\n",
            ),
        ],
        "there is more in every article": [
            ("text: newText}", "text: newText, words: size(newText)}"),
            ("title: row.title}", "title: row.title, tag: row.tag}"),
        ],
    },
    "errcode-platform": {
        "ids that are numbers as texts": [("mint: {msgid: uuid()}", "mint: {msgid: string(now) + uuid()}")],
        "errcode in every reply": [
            ("        - status: 200\n          mint: {created", "        - code: 0\n          mint: {created")
        ],
        "more keys in a reply": [("body: {msgid: msgid}", "body: {msgid: msgid, queue: 3}")],
        "limits before the receiver": [
            ("    - {code: 45009, when: size(sentInADay) >= app.quota}\n", ""),
            ("  mayReceive:\n", "  mayReceive:\n    - {code: 45009, when: size(sentInADay) >= app.quota}\n"),
        ],
    },
    "login": {
        "more keys in a reply": [("expiresIn: 3600}", "expiresIn: 3600, tokenType: \"'Bearer'\"}")],
        "tokens of another form": [("access: uuid(), refresh: uuid()", "access: upper(uuid()), refresh: \"'r-' + uuid()\"")],
        "the e-mail address before the name": [
            ("        - {status: 422, code: invalid_name, malformed: user.name}\n", ""),
            (
                "malformed: user.contact.phone}\n",
                "malformed: user.contact.phone}\n        - {status: 422, code: invalid_name, malformed: user.name}\n",
            ),
        ],
    },
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
    "warehouse": {
        "ids have another form": [("mint: {id: uuid()}", "mint: {id: \"'2030/' + uuid()\"}")],
        "too little stock is found before the quota": [
            ("        - {code: 3003, when: size(waiting) >= buyer.quota}\n", ""),
            (
                "        - code: 0\n          mint",
                "        - {code: 3003, when: size(waiting) >= buyer.quota}\n        - code: 0\n          mint",
            ),
        ],
        "there is more in every result": [
            ("{sku: item.sku, code: 3002}", "{sku: item.sku, code: 3002, stock: 0, hint: \"'see the catalogue'\"}")
        ],
        "messages are other ones, and there is more in every body": [
            ("body: {code: 0, message: ''}}", "body: {code: 0, message: '', version: 2}}")
        ],
    },
}
"""By contract: what the documents leave open, and the texts that do otherwise."""


def servers(table, usual):
    """So many of each contract; the others are for thorough runs."""
    return [
        pytest.param(name, what, id=f"{name}: {what}", marks=[] if number < usual else [pytest.mark.thorough])
        for name, each in table.items()
        for number, what in enumerate(each)
    ]


def examined(name, changes, tmp_path, *options):
    """The exit code and the report of the suite, of a server with these changes of the contract."""
    contract, world = HERE / f"{name}.yaml", HERE / "worlds" / f"{name}.yaml"
    text = contract.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    changed, report = tmp_path / "changed.yaml", tmp_path / "report.json"
    changed.write_text(text)
    with running(changed, world) as mock:
        where = ["--target", mock.url, "--contract", contract, "--world", world, "--json", report]
        result = CliRunner().invoke(main, ["verify", *map(str, where), "--no-races", "--no-breadth", "--quiet", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result, json.loads(report.read_text())


@pytest.mark.parametrize(("name", "what"), servers(WRONG, 4))
def test_a_wrong_server_is_caught_by_the_rule_that_it_breaks(name, what, tmp_path):
    changes, rule = WRONG[name][what]
    # The first violation of a run may be that of another rule.
    for options in (["--fail-fast"], ["--seed", "1"], ["--seed", "2"]):
        result, report = examined(name, changes, tmp_path, "--max-requests", "2000", *options)
        if rule in json.dumps(report["violations"]):
            break
    assert result.exit_code == 1, result.output
    assert rule in json.dumps(report["violations"]), result.output


@pytest.mark.parametrize(("name", "what"), servers(RIGHT, 1))
def test_a_correct_server_of_other_habits_is_not_accused(name, what, tmp_path):
    result, report = examined(name, RIGHT[name][what], tmp_path, "--max-requests", "800")
    # 3 says that so few requests did not cover everything.
    assert report["violations"] == [] and result.exit_code in (0, 3), result.output
