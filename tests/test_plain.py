"""Expressions that are evaluated without CEL give the same values as CEL."""

from __future__ import annotations

from itertools import product

import cel
import pytest

from openapi.expression.native import Operand, compile_native
from openapi.parameters.parameter import MISSING, UNDETERMINED

KINDS = {"a": int, "b": int, "text": str, "word": str, "yes": bool, "no": bool}
VALUES = {
    int: (0, 1, -1, 3, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)),
    str: ("", "C1", "C10", "c1", "é", "e\u0301", "文", "😀", "\0"),
    bool: (True, False),
}
PLAIN = [
    *(
        f"{left} {sign} {right}"
        for left, right in (("a", "b"), ("a", "3"), ("-1", "b"))
        for sign in ("==", "!=", "<", "<=", ">", ">=")
    ),
    "!yes && a == 1 + 1",
    *("text == word", "text != word", "text != 'C1'", "yes == no", "yes != false", "!yes", " ! no "),
    *("a == 3 && b <= 1 && text != word", "a<b&&b<a", "'x_' + text + word", "text+word"),
]
NOT_PLAIN = [
    *("a == b || a == 3", "a / b == 3", "text < word", "a == text", "!a", "a in [1, 2]", "(a < b)", "a < b == true", "007 == a"),
    *(
        "text == 'C1 && yes'",
        'text == "C1"',
        r"text == 'C\\1'",
        "text + a",
        "'a+' + text",
        "a == 1 && (b == 2)",
        "!yes && a == 1 % 1",
    ),
    *("a", "size(text) == a", "a == 12345678901234567890", "a == 1.0", "r'x' + text", "f() == text", "a ? b : a"),
]


def compiled(text, program):
    return compile_native(text, {name: Operand(name, None, kind) for name, kind in KINDS.items()}, {}, program, "contract.yaml:1")


def unneeded(scope):
    raise AssertionError(f"CEL was asked about {scope}")


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_expression_gives_what_cel_gives(text):
    program, quick = cel.compile(text), compiled(text, unneeded)
    names = program.variables()
    for values in product(*(VALUES[KINDS[name]] for name in names)):
        scope = dict(zip(names, values, strict=True))
        expected = program.execute(scope)
        found = quick.evaluate(scope)
        assert found == expected and type(found) is type(expected), scope
        assert bool(quick.holds(scope)) is bool(expected), scope


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_any_other_expression_is_left_to_cel(text):
    assert compiled(text, unneeded) is None


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("value", [MISSING, None, 1.5, [], b"x"])
def test_a_value_of_another_kind_is_left_to_cel(text, value):
    quick, scope = compiled(text, lambda scope: UNDETERMINED), dict.fromkeys(KINDS, value)
    assert quick.evaluate(scope) is UNDETERMINED and not quick.holds(scope)


def test_a_comparison_says_which_name_exceeds_which_where_it_is_true():
    assert compiled("a > b && text != word && 3 < a", unneeded).greater_pairs == (("a", "b"),)
    assert compiled("a < b && a >= b", unneeded).greater_pairs == (("b", "a"),)
