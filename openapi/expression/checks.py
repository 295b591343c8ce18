"""What an expression may not do although CEL can: checks of its text before it is compiled."""

from __future__ import annotations

from openapi.document.document import Node
from openapi.document.errors import ContractError, nearest
from openapi.expression import budget
from openapi.expression.functions import BYTES, OF_BYTES
from openapi.expression.kinds import Names, RowTypes


def check_bytes(node: Node) -> None:
    """Raises ContractError for bytes that are no argument of a function: nothing of a request or a reply equals them."""
    code = budget.tokens(node.value)
    for at, token in enumerate(code):
        before = code[max(at - 2, 0) : at]
        inside = before[-1:] == [","] or (before[-1:] == ["("] and before[0] in OF_BYTES)
        if token in BYTES and code[at + 1 : at + 2] == ["("] and not inside:
            raise ContractError([node.problem(f"{token}() gives bytes", f"write hex({token}(…)) or base64({token}(…))")])


def check_rows(node: Node, names: Names) -> None:
    """Raises ContractError for a part of a row of a let of rows: CEL knows a row as the list of its values."""
    code = budget.tokens(node.value)
    for at, name in enumerate(code):
        if names.get(name) != "rows" or code[at - 1 : at] == ["."]:
            continue
        match code[at + 1 : at + 6]:
            case [".", macro, "(", variable, ","] if macro in budget.MACROS:
                if any(code[position : position + 2] == [variable, "."] for position in range(at + 6, len(code))):
                    raise ContractError([node.problem(f"a macro cannot read the columns of {name}", _instead(name, macro))])
            case ["[", *_] if "]" in code[at:] and code[code.index("]", at) + 1 : code.index("]", at) + 2] == ["."]:
                raise ContractError([node.problem(f"an expression cannot read the columns of {name}", _instead(name, "map"))])


def check_phases(node: Node, name: str, columns: RowTypes) -> None:
    """Raises ContractError for a comparison of the phase of a row with a text that is no phase."""
    code = budget.tokens(node.value)
    for at, token in enumerate(code):
        column = code[at + 2] if code[at + 1 : at + 2] == ["."] and len(code) > at + 2 else ""
        if token != name or column not in columns.computed or code[at - 1 : at] == ["."]:
            continue
        for text in _compared_with(code, at):
            if text[0] in "'\"" and text[1:-1] not in columns.phases:
                hint = nearest(text[1:-1], columns.phases) or f"one of {', '.join(columns.phases)}"
                raise ContractError([node.problem(f"{text} is no phase of {name}", hint)])


def _compared_with(code: list[str], at: int) -> list[str]:
    """What a program compares with the column of a row at a place, where it is easy to see."""
    end = at + 3
    if code[end : end + 2] in (["=", "="], ["!", "="]):
        return code[end + 2 : end + 3]
    if code[end : end + 2] == ["in", "["]:
        return code[end + 2 : code.index("]", end)] if "]" in code[end:] else []
    if at > 2 and code[at - 2 : at] in (["=", "="], ["!", "="]):
        return code[at - 3 : at - 2]
    return code[at - 2 : at - 1] if at > 1 and code[at - 1] == "in" else []


def _instead(name: str, macro: str) -> str:
    word = {"map": "list: row.id", "filter": "list: row.id, if: row.n > 1"}.get(macro, "exists: row.n > 1")
    return f"write a let such as {{{word}, of: {name}}}"
