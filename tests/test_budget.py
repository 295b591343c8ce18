"""The budget of expressions: none takes very long, whatever a contract says."""

from __future__ import annotations

import pytest

import openapi
from openapi.expression import budget
from openapi.expression.expression import compile_expression

LIST = f"[{','.join('0' * 100)}]"
NAMES = {"a": "string", "b": "string", "list": "array", "body": "object", "rows": "rows"}
DOUBLE = ".map(x, x + x)"


def _nested(depth, macro, inner):
    return f"{LIST}.{macro}(v{depth}, {_nested(depth - 1, macro, inner)})" if depth else inner


def _compiled(text):
    lines = "".join(f"  {line}\n" for line in text.splitlines())
    return compile_expression(openapi.parse_document(f"when: |-\n{lines}", "contract.yaml").root.child("when"), NAMES)


def _refusal(text):
    with pytest.raises(openapi.ContractError) as caught:
        _compiled(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "degree"),
    [
        ("a == 'x'", 0),
        ("a.matches('^x$')", 0),
        ("size(list) > 2", 0),
        ("a == '.all('", 0),
        (r"r'\' == a || list.all(x, x == '\'')", 1),
        ("list . // comment '\n all //(\n (x, true)", 1),
        ("rows.exists(x, x[0] == a) && !rows.all(x, x[1] > 2) && a.matches('^x$')", 1),
        ("list.existsOne(x, x == 1)", 1),
        ("list.all(x, list.all(y, x == y))", 2),
        ("body.items.all(x, x.tags.exists(t, t == a))", 2),
        ("list.filter(x, x.amount > 1).map(x, x.price)", 2),
        ("list.map(x, [x, x]).all(y, true)", 2),
        ("(list.map(x, x) + list).filter(x, true)", 2),
        ("[list.map(x, {'k': x})][0].map(x, {'k': x, 'l': x})[0].k", 4),
        ("list.all(x, x.matches('^x$'))", 3),
        ("list.map(x, list.map(y, 1))", 3),
        (f"list{DOUBLE}{DOUBLE}{DOUBLE}", 6),
    ],
)
def test_the_degree_of_an_expression(text, degree):
    assert budget.degree(budget.tokens(text)) == degree


@pytest.mark.parametrize(
    "text",
    [
        _nested(4, "all", "true"),
        _nested(4, "map", "1") + ".size() > 0",
        _nested(3, "exists", "a == 'x'"),
        "rows.all(x, rows.exists(y, x[0] == y[0]))",
        "rows.filter(x, x[0] == a).size() > 0",
        "rows.exists(x, x[0].matches('^x$'))",
        f"['aaaa']{DOUBLE * 40}.size() > 0",
        "list.all(x, true) // '\n && " + _nested(4, "all", "true"),
    ],
)
def test_an_expression_that_may_take_very_long_is_refused_without_being_evaluated(text):
    said = _refusal(text)
    assert said.startswith("contract.yaml:1: the macros of this expression may take ")
    assert "choose rows by the `where` and `if` of a let" in said


@pytest.mark.parametrize(
    ("text", "size", "value"),
    [
        ("list.all(x, x >= 0)", 50_000, True),
        ("list.filter(x, x > 0).map(x, x + 1).size()", 100, 99),
        ("list.all(x, list.exists(y, y == x))", 100, True),
        (f"{LIST}.all(x, {LIST}.all(y, x == y)) && size(list) > 0", 1, True),
    ],
)
def test_what_lists_of_a_fair_size_need_is_computed(text, size, value):
    assert _compiled(text).evaluate({"list": list(range(size))}) == value


@pytest.mark.parametrize("text", ["list.map(x, x).size() > 0", "list.all(x, list.all(y, true))", "list.all(x, x.matches('x'))"])
def test_the_lists_of_a_request_count_too(text):
    with pytest.raises(openapi.ExecutionError, match=r"contract.yaml:\d: .*: it may take \d+\^\d steps, more than 1000000 \("):
        _compiled(text).evaluate({"list": ["x"] * 2000})


@pytest.mark.parametrize("text", ["a + a", "a + string(size(a))"])
def test_a_text_has_a_bound(text):
    expression = _compiled(text)
    assert expression.evaluate({"a": "x"}) in ("xx", "x1")
    with pytest.raises(openapi.ExecutionError, match="than"):
        expression.evaluate({"a": "x" * budget.LONGEST_TEXT})


@pytest.mark.parametrize(
    "pattern",
    ["^[a-z]{1,64}$", r"^(\\d{1,3}\\.){3}\\d{1,3}$", "^(a+)+$", r"\\p{L}{1,64}", "^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"],
)
def test_a_regular_expression_of_a_fair_size_is_used(pattern):
    assert _compiled(f"a.matches('{pattern}')").evaluate({"a": "?"}) is False


@pytest.mark.parametrize(
    "pattern",
    ["'(x{1000}){100}'", "'x{1000}{100}'", "'(?x)(x{1000}) {100}'", r"r'\\p{9999}'", r"'(x\x7b1000}){100}'", "'(x{99}){99}?'"],
)
def test_a_regular_expression_that_is_very_long_without_counts_is_refused(pattern):
    assert "use lower counts" in _refusal(f"a.matches({pattern})")


@pytest.mark.parametrize("argument", ["b", "'x' + b", "('x')", "a == 'y' ? 'x' : b"])
def test_a_regular_expression_is_written_in_the_contract(argument):
    assert _refusal(f"a.matches({argument})") == (
        "contract.yaml:1: matches() wants its regular expression as one text, written in the contract"
    )
