"""Writes a patch that reorders the rows of `x-outcomes` in the file of a contract.

Rows are moved as whole lines, so their YAML style and their inline comments are kept. A comment on a line of its own stays in
place, because it usually is the heading of several rows. Rows of the whole document precede the rows of every operation. Where
one of them must come later in some operation, it and the document rows below it are moved into each operation that has them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from io import StringIO
from itertools import takewhile
from pathlib import Path

import yaml

import openapi

NO_NEWLINE = "\\ No newline at end of file\n"
OUTCOMES = "x-outcomes"
Lines = list[str]
Edit = tuple[int, int, Lines]
"""The first line and the line after the last one, from 0, and the lines that replace them."""


class Unwritable(Exception):
    """The order cannot be written by moving lines; the message has the place and the reason."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row in the file: the lines from `start` up to, not including, `end` (from 0), and the `column` of its dash."""

    start: int
    end: int
    column: int

    def written(self, lines: Lines, column: int) -> Lines:
        """Its lines, indented for another column."""
        shift = column - self.column
        moved = (" " * shift + line[max(-shift, 0) :] for line in lines[self.start : self.end])
        newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
        return [line if line.endswith("\n") else line + newline for line in moved]


def patched(contract: openapi.Contract, text: str, orders: Mapping[str, Sequence[openapi.Rule]]) -> str:
    """The text of the contract's file with the refusing rows in the given order, by operation name. Raises Unwritable."""
    operations = contract.operations.values()
    for rule in (rule for each in operations for rule in each.rules if rule.file != contract.file):
        raise Unwritable(f"{rule.file}:{rule.line}: {rule.outcome} is not in {contract.file} itself; move its rows by hand")
    source = _Source(contract.file, text)
    wanted = {each.name: (*orders.get(each.name, each.rules[:-1]), each.success) for each in operations}
    common = source.written(())
    kept = _kept(common, wanted.values())
    leaving = {} if len(kept) == len(common) else source.rows(())
    edits = source.removal(leaving, kept)
    for each in operations:
        rules = [rule for rule in wanted[each.name] if rule.line not in kept]
        if rules != [rule for rule in each.rules if rule.line not in common]:
            edits += source.moves(("paths", each.path, each.method.lower()), leaving, rules)
    new = source.edited(edits)
    _check(contract.file, new, wanted)
    return new


def diff(file: str, old: str, new: str) -> str:
    """The change as a unified diff, for `patch -p0` and `git apply -p0`."""
    path = Path(file)
    name = str(path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path)
    before, after = (list(StringIO(text, newline="\n")) for text in (old, new))
    found = unified_diff(before, after, name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in found)


def _kept(common: Sequence[int], orders: Iterable[Sequence[openapi.Rule]]) -> set[int]:
    """The lines of the common rows that can stay: those at the top which every operation that has them begins with."""
    kept = common
    for rules in orders:
        lines = [rule.line for rule in rules]
        mine = [line for line in common if line in lines]
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(mine, lines, strict=False)))
        kept = [line for line in kept if line not in mine[same:] and (same == len(mine) or line < mine[same])]
    return set(kept)


class _Source:
    """The text of a contract, and the lines of its rows."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.lines = file, text.splitlines(keepends=True)
        # The added newline makes the last row end before the end of the text.
        self._root = yaml.compose(f"{text}\n", Loader=yaml.SafeLoader)

    def written(self, path: Sequence[str]) -> list[int]:
        """The lines, from 1, of the rows of the table under a path of keys, in order; empty where there is no table."""
        _, node = self._table(path)
        return [each.start_mark.line + 1 for each in node.value] if isinstance(node, yaml.SequenceNode) else []

    def rows(self, path: Sequence[str]) -> dict[int, _Row]:
        """The same rows, by line. Raises Unwritable where a row shares a line with other text."""
        key, node = self._table(path)
        place = f"{self.file}:{key + 1}"
        if not isinstance(node, yaml.SequenceNode) or node.flow_style:
            raise Unwritable(
                f"{place}: rows can be moved only if each row has lines of its own (write the rows here, one below the other)"
            )
        column = node.start_mark.column
        starts = [self._dash(each.start_mark.line, column) for each in node.value]
        if starts != sorted(set(starts)):
            raise Unwritable(
                f"{place}: rows can be moved only if each row has lines of its own (a row is a YAML alias: write it out here)"
            )
        ends = [*starts[1:], min(node.end_mark.line, len(self.lines))]
        spans = zip(node.value, starts, ends, strict=True)
        return {each.start_mark.line + 1: _Row(start, self._trimmed(start, end), column) for each, start, end in spans}

    def _table(self, path: Sequence[str]) -> tuple[int, yaml.Node | None]:
        """The line of the key of a table, from 0, and its node; None as the node where there is no table."""
        line, node = 0, self._root
        for key in (*path, OUTCOMES):
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            line, node = next(((name.start_mark.line, value) for name, value in pairs if name.value == key), (line, None))
        return line, node

    def _dash(self, line: int, column: int) -> int:
        while line > 0 and self.lines[line][column : column + 1] != "-":
            line -= 1
        return line

    def _trimmed(self, start: int, end: int) -> int:
        """The end without the empty lines and comments above the next row."""
        while end > start + 1 and self.lines[end - 1].strip()[:1] in ("", "#"):
            end -= 1
        return end

    def removal(self, common: Mapping[int, _Row], kept: set[int]) -> list[Edit]:
        """The edits that remove the common rows that are not kept, and their key where none is kept."""
        edits: list[Edit] = [(row.start, row.end, []) for line, row in common.items() if line not in kept]
        if edits and not kept:
            key, _ = self._table(())
            edits.append((key, key + 1, []))
        return edits

    def moves(self, path: Sequence[str], leaving: Mapping[int, _Row], rules: Sequence[openapi.Rule]) -> list[Edit]:
        """The edits that make these rules the table under a path; common rows that come first are put at its top."""
        own = self.rows(path)
        places, known = list(own.values()), {**leaving, **own}
        blocks = [known[rule.line].written(self.lines, places[0].column) for rule in rules]
        more = len(blocks) - len(places)
        above = min(more, sum(1 for _ in takewhile(lambda rule: rule.line in leaving, rules)))
        first, *others = places
        key, _ = self._table(path)
        edits = [(key + 1, key + 1, blocks[:above]), (first.start, first.end, blocks[above : more + 1])]
        edits += [(place.start, place.end, [block]) for place, block in zip(others, blocks[more + 1 :], strict=True)]
        return [(start, end, [line for block in found for line in block]) for start, end, found in edits]

    def edited(self, edits: Iterable[Edit]) -> str:
        """The text after these edits, which must not overlap."""
        lines = list(self.lines)
        for start, end, block in sorted(edits, reverse=True):
            lines[start:end] = block
        return "".join(lines)


def _check(file: str, text: str, wanted: Mapping[str, Sequence[openapi.Rule]]) -> None:
    """Raises Unwritable where the patched text does not have the wanted rows: its YAML style is not supported."""

    def told(rules: Iterable[openapi.Rule]) -> list[tuple[str, str, str]]:
        return [(rule.outcome, rule.condition, rule.why) for rule in rules]

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(file).name
        copy.write_bytes(text.encode())
        try:
            operations = openapi.load(copy).operations
        except openapi.ContractError as error:
            raise Unwritable(f"{file}: the patched contract cannot be loaded: {error}".replace(str(copy), file)) from None
    for name, rules in wanted.items():
        if told(operations[name].rules) != told(rules):
            raise Unwritable(f"{file}: the rows of {name} cannot be moved as whole lines: their YAML style is not supported")
