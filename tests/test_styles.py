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
        "a withdrawn article stays": (
            [("{status: 204, then: [{delete: articles, where: {id: id}}]}", "{status: 204}")],
            "404:unknown_article",
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
    "warehouse": {
        "the last piece cannot be ordered": ([("each.quantity > row.stock", "each.quantity >= row.stock")], "place/"),
        "orders are not refused for too little stock": (
            [("each.quantity > row.stock", "each.quantity > 1000")],
            "place/409:3004",
        ),
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
            main, ["verify", *map(str, options), "--max-requests", "800", "--no-races", "--no-breadth", "--quiet"]
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
    assert report["violations"] == [], result.output
