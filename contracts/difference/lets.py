"""Lets that look up other rows than before: the conditions read the same, and mean something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import openapi
from contracts.difference.change import Place
from contracts.difference.digest import value_key
from contracts.difference.rows import Row, normal, with_names

_words = re.compile(r"[A-Za-z_]\w*").findall
KEYS = ("missing", "malformed", "unreadable", "when", "mint", "then", "data")


def changed_lets(
    operations: tuple[openapi.Operation, openapi.Operation], old: Sequence[Row], new: Sequence[Row]
) -> Iterator[tuple[str, Place, str, list[Row]]]:
    """The changed lets that rows of NEW use: name, place, what it is and was, and the rows."""
    one, two = operations
    renamed = next((each.renamed for each in old), {})
    used = {id(row): _used(row, two) for row in new}
    for name, let in two.lets.items():
        if name in one.lets:
            before, after = _text(one.lets[name], renamed), _text(let, {})
            rows = [row for row in new if name in used[id(row)]]
            if before != after and rows:
                yield name, Place(rows[-1].rule.file, let.line), f"{after}, and was {before}", rows


def _used(row: Row, operation: openapi.Operation) -> set[str]:
    """The names of the lets that a row uses, those that other lets of it use too."""
    found: set[str] = set()
    todo = {*_words(value_key([row.node.value.get(key) for key in KEYS]))}
    while new := (todo & operation.lets.keys()) - found:
        found |= new
        todo = {word for name in new for word in _words(_text(operation.lets[name], {}))}
    return found


def _text(let: openapi.Let, renamed: Mapping[str, str]) -> str:
    def shown(expression: object) -> str:
        return normal(with_names(str(expression), renamed))

    if let.aggregated:
        of, value, *conditions = map(shown, let.aggregated)
        return f"{let.how} {value} of {of}" + "".join(f" if {each}" for each in conditions)
    if let.lookup is None:
        return f"the first of {', '.join(map(shown, let.choices))}"
    where = ", ".join(f"{column}: {shown(value)}" for column, value in sorted(let.lookup.where, key=lambda each: each[0]))
    condition = f" if {shown(let.lookup.condition)}" if let.lookup.condition is not None else ""
    page = f" {let.paging.text}" if let.paging is not None else ""
    return f"{let.how} {let.lookup.table}{f' where {where}' if where else ''}{condition}{page}"
