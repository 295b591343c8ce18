"""Rows of which the oracle does not know what the server holds: a reply was lost, or requests were handled in an unknown order.

A server that gave no usable reply may have carried the request out. The oracle keeps a few possible states. Where there would be
more, the rows in which the states differ become doubtful. A row whose key the server invented in a lost reply is doubtful too.
What a request gets that looks up a doubtful row shows nothing about the server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import openapi

Cells = dict[str, frozenset[Any] | None]
"""The values that each column may hold; None where it may hold any."""
MOST_ROWS = 100
"""The most doubtful rows of a table that are kept; with more, every row of the table is doubtful."""
LISTED, COUNTED, PAGE = "all", "size", "page"
RULE = "the state of the server is unsure: a reply was lost, or nobody knows the order of earlier requests"


class Doubt:
    """The doubtful rows: what each column of them may hold, by table and key."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, dict[Any, Cells]] = defaultdict(dict)
        self._invented: defaultdict[str, dict[Any, Cells]] = defaultdict(dict)
        """Rows with an unknown key that a possible state has."""
        self._whole: set[str] = set()
        """Tables of which every row is doubtful."""
        self._open: set[tuple[str, Any]] = set()
        """Rows, by table and key, that may not exist, or may have another place among the newest rows."""
        self._used: dict[str, set[str]] = {}
        """By operation: the names on which its outcomes depend."""
        self._columns: dict[str, set[str]] = {}
        """By operation: the columns of rows on which its replies depend."""
        self._hidden: set[tuple[str, str]] = set()
        """Columns, by table, with a value that the server invented and that no reply has shown."""
        self._deciding: dict[str, set[tuple[str, str]]] = {}
        """By operation: the columns, by let, on which its outcomes depend."""

    def __bool__(self) -> bool:
        return bool(self._rows or self._invented or self._whole or self._hidden)

    def clear(self) -> None:
        """Everything is certain again, after a reset."""
        self._rows.clear()
        self._invented.clear()
        self._whole.clear()
        self._open.clear()
        self._hidden.clear()

    def hide(self, changes: Iterable[openapi.Change]) -> None:
        """Notes the columns in which an explained reply left an invented value that it does not show."""
        for each in changes:
            if each.after is not None:
                named = zip(each.columns.names, each.after, strict=True)
                self._hidden.update((each.columns.table, name) for name, value in named if openapi.is_lost(value))

    def invent(self, changes: Iterable[openapi.Change]) -> None:
        """Notes the rows of a lost reply whose key nobody knows."""
        for each in changes:
            table = each.columns.table
            if (
                each.before is None
                and each.after is not None
                and any(map(openapi.is_lost, each.key))
                and table not in self._whole
            ):
                self._invented[table][each.key] = _cells(each.columns, each.after)
                self._limit(table)

    def drop(self, kept: openapi.State, dropped: Iterable[openapi.State]) -> None:
        """The rows in which states that are no longer kept differ from one that is."""
        for state in dropped:
            for table, columns in kept.tables.items():
                if table in self._whole:
                    continue
                ours, theirs = dict(kept.table(table).items()), dict(state.table(table).items())
                reordered = _in_another_order(kept, state, columns)
                for key in {key for key, _ in ours.items() ^ theirs.items()} | reordered:
                    if key in reordered or key not in ours or key not in theirs:
                        self._open.add((table, key))
                    for row in (ours.get(key), theirs.get(key)):
                        if row is not None:
                            self._add(columns, row)

    def suspect(self, changes: Iterable[openapi.Change]) -> None:
        """The rows of changes of which nobody knows whether the server has made them."""
        for each in changes:
            self._open.add((each.columns.table, each.key))
            for row in (each.before, each.after):
                if row is not None:
                    self._add(each.columns, row)

    def suspect_tables(self, tables: Iterable[str]) -> None:
        """Every row of these tables is doubtful."""
        for table in tables:
            self._whole.add(table)
            self._rows.pop(table, None)
            self._invented.pop(table, None)

    def keep(self, states: Iterable[openapi.State]) -> None:
        """Forgets the invented rows that no possible state has: a reply has shown that they do not exist."""
        states = tuple(states)
        for table, rows in list(self._invented.items()):
            left = {key: cells for key, cells in rows.items() if any(key in state.table(table) for state in states)}
            if left:
                self._invented[table] = left
            else:
                del self._invented[table]

    def touched(self, seen: openapi.Permitted) -> dict[str, str]:
        """The lets of a request that look up doubtful rows, or depend on such lets, each with its `how`."""
        if not self:
            return {}
        found: dict[str, str] = {}
        operation = seen.scope.operation
        if operation.name not in self._used:
            self._used[operation.name] = _used(operation.lets, operation.rules)
            self._columns[operation.name] = _columns(operation.lets, operation.rules)
        for name, let in operation.lets.items():
            used = {reference.name for each in let.expressions for reference in each.references}
            if used & found.keys() or (let.lookup is not None and self._may_find(let.lookup, seen.scope)):
                found[name] = self._how(operation.name, let)
            elif self._hidden and let.lookup is not None and self._depends_on_hidden(name, let, seen.scope):
                found[name] = "find"
        return {name: how for name, how in found.items() if how in (LISTED, PAGE) or name in self._used[operation.name]}

    def _how(self, operation: str, let: Any) -> str:
        """How a let looks up rows: a list of them is compared leniently, unless their number counts or they are a page."""
        if let.how != LISTED or let.paging is not None:
            return PAGE if let.how == LISTED else str(let.how)
        return COUNTED if let.name in self._used[operation] else LISTED

    def names_hidden(self, seen: openapi.Permitted) -> bool:
        """Whether a request depends on invented values that no reply has shown."""
        lets = seen.scope.operation.lets.items() if self._hidden else ()
        return any(let.lookup is not None and self._depends_on_hidden(name, let, seen.scope) for name, let in lets)

    def _depends_on_hidden(self, name: str, let: Any, scope: Any) -> bool:
        """Whether a let may find a row by a value that no reply has shown, or an outcome depends on one in the row it found."""
        lookup, operation = let.lookup, scope.operation
        for column, each in lookup.where:
            value = _value(each, scope) if (lookup.table, column) in self._hidden else None
            if value is not None and not isinstance(value, openapi.Absence) and not openapi.is_lost(value):
                return True
        if operation.name not in self._deciding:
            self._deciding[operation.name] = _deciding(operation)
        used = {column for each, column in self._deciding[operation.name] if each in (name, "row")}
        used = {column for column in used if (lookup.table, column) in self._hidden}
        if not used:
            return False
        found = scope[name]
        rows = found if let.how == "all" else (found,)
        named = (scope.state.tables[lookup.table].named(row) for row in rows if isinstance(row, tuple)) if rows else ()
        return any(openapi.is_lost(row[column]) for row in named for column in used)

    def joins(self, rules: Iterable[openapi.Rule]) -> bool:
        """Whether the data of one of these rules looks up rows of a table with doubtful rows, for each item of a list."""
        tables = {table for each in (self._rows, self._invented) for table, rows in each.items() if rows} | self._whole
        return any(rule.data is not None and not tables.isdisjoint(rule.data.tables) for rule in rules)

    def certain(self, state: openapi.State) -> openapi.State:
        """A state without its doubtful rows."""
        for table in {*self._rows, *self._invented, *self._whole}:
            rows = dict(state.table(table).items())
            doubtful = {*self._rows.get(table, ()), *self._invented.get(table, ())}
            for key in rows if table in self._whole else doubtful:
                if key in rows:
                    state = state.delete(table, rows[key])
        return state

    def follow(self, seen: openapi.Permitted, rule: openapi.Rule, changes: Iterable[openapi.Change]) -> None:
        """What an outcome does to doubtful rows, and which rows become doubtful by it."""
        effects = [each for each in rule.effects if each.table not in self._whole] if self else []
        if not effects:
            return
        touched, scope = self.touched(seen).keys(), seen.scope
        for effect in effects:
            touches = any(name in touched for name in _names(effect.expressions))
            for one in effect.scopes(scope):
                inner = effect.each.lookups if effect.each is not None else ()
                unsure = touches or any(self._may_find(lookup, one) for lookup in inner)
                self._follow(effect, one, touched, unsure, changes)

    def _follow(self, effect: Any, scope: Any, touched: Collection[str], unsure: bool, changes: Iterable[openapi.Change]) -> None:
        """What one effect does to doubtful rows in the scope of one item."""
        cells = {name: _possible(_value(each, scope, touched)) for name, each in effect.assignments}
        if effect.lookup is not None:
            certain = not unsure and effect.unconditional
            for _, known in self._matching(effect.lookup, scope):
                known.update(cells) if certain else _merge(known, cells)
        if unsure:
            self._spread(effect.table, cells, changes)
            if effect.lookup is not None:
                self._spread(effect.table, cells, _unchanged(effect, scope))

    def _spread(self, table: str, cells: Cells, changes: Iterable[openapi.Change]) -> None:
        for each in changes:
            if each.columns.table == table:
                self._open.add((table, each.key))
                for row in (each.before, each.after):
                    if row is not None:
                        self._add(each.columns, row, cells)

    def _add(self, columns: Any, row: Any, more: Cells | None = None) -> None:
        if columns.table in self._whole:
            return
        cells = _cells(columns, row)
        known = self._rows[columns.table].setdefault(columns.key_of(row), cells)
        _merge(known, cells)
        _merge(known, more or {})
        self._limit(columns.table)

    def _limit(self, table: str) -> None:
        if len(self._rows[table]) + len(self._invented[table]) > MOST_ROWS:
            self._whole.add(table)
            del self._rows[table], self._invented[table]

    def _may_find(self, lookup: Any, scope: Any) -> bool:
        if lookup.table in self._whole:
            return _key(lookup, scope) is not None
        columns = self._columns[scope.operation.name]
        return any(self._is_unsure(lookup.table, key, cells, columns) for key, cells in self._matching(lookup, scope))

    def _is_unsure(self, table: str, key: Any, cells: Cells, columns: set[str]) -> bool:
        """Whether a reply that depends on these columns of rows depends on what is not known of this row."""
        if (table, key) in self._open or key in self._invented.get(table, ()):
            return True
        return any(values is None or len(values) > 1 for name, values in cells.items() if name in columns)

    def _matching(self, lookup: Any, scope: Any) -> Iterator[tuple[Any, Cells]]:
        """The doubtful rows that a lookup may find, whatever its `if` says, by key."""
        rows = (*self._rows.get(lookup.table, {}).items(), *self._invented.get(lookup.table, {}).items())
        values = _key(lookup, scope) if rows else None
        if values is not None:
            yield from ((key, cells) for key, cells in rows if _may_be(cells, values))


def _in_another_order(one: openapi.State, other: openapi.State, columns: Any) -> set[Any]:
    """The keys of the rows that an index has in another order in two states: a lookup may want the newest."""
    found: set[Any] = set()
    for index in columns.compiled_indexes:
        buckets = one.version.copied(index.name)
        for values, bucket in other.version.copied(index.name).items():
            known = buckets.get(values)
            if known is not None and known is not bucket:
                keys = [_keys(each) for each in (known, bucket)]
                ours, theirs = ([key for key in each if key in other] for each, other in (keys, reversed(keys)))
                found |= {key for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1] for key in pair}
    return found


def _keys(bucket: Any) -> list[Any]:
    """The keys of a bucket, the newest first."""
    found, chain = dict[Any, None](), bucket[0]
    while chain is not None:
        key, chain, _ = chain
        found.setdefault(key)
    return list(found)


def _key(lookup: Any, scope: Any) -> list[tuple[str, Any]] | None:
    """The values of the columns that a lookup compares; None where it finds nothing."""
    values = [(name, _value(each, scope)) for name, each in lookup.where]
    return None if any(isinstance(value, openapi.Absence) or value is None for _, value in values) else values


def without_lost(change: openapi.Change) -> tuple[Any, ...]:
    """A change without the values that nobody knows; equal for a request that was handled at another time."""
    after = change.after and tuple("\0" if openapi.is_lost(each) else each for each in change.after)
    return change.columns.table, change.before, after


def _cells(columns: Any, row: Any) -> Cells:
    """A row as cells. Nobody asks for an invented value that no reply showed, but a number may be guessed."""
    numbers = {name for name, kind in columns.types.items() if kind != "string"}
    named = columns.named(row).items()
    return {name: None if openapi.is_lost(value) and name in numbers else _possible(value) for name, value in named}


def _possible(value: Any) -> frozenset[Any] | None:
    return None if value is None or isinstance(value, openapi.Absence) else frozenset((value,))


def _merge(cells: Cells, more: Cells) -> None:
    for name, values in more.items():
        known = cells[name]
        cells[name] = None if known is None or values is None else known | values


def _may_be(cells: Cells, values: Iterable[tuple[str, Any]]) -> bool:
    return all(known is None or value in known for name, value in values for known in (cells[name],))


def _names(expressions: Iterable[Any]) -> Iterator[str]:
    return (reference.name for each in expressions for reference in each.references)


def _used(lets: Mapping[str, Any], rules: Iterable[openapi.Rule]) -> set[str]:
    """The names on which the outcomes of an operation depend, but for the lists of their data."""
    used = {name for rule in rules for name in (*_names(rule.expressions), *rule.missing)}
    for name, let in reversed(list(lets.items())):
        if name in used:
            used.update(_names(let.expressions))
    return used


def _columns(lets: Mapping[str, Any], rules: Iterable[Any]) -> set[str]:
    """The columns of rows on which the replies of an operation depend."""
    expressions = [
        *(each for let in lets.values() for each in let.expressions),
        *(each for rule in rules for each in rule.expressions),
    ]
    lookups = [let.lookup for let in lets.values() if let.lookup is not None]
    lookups += [lookup for rule in rules for effect in rule.effects for lookup in effect.lookups]
    compared = {name for lookup in lookups for name, _ in lookup.where}
    used = [each for expression in expressions for each in expression.references if each.column is not None]
    return compared.union(*((each.column, *(each.computed.reads if each.computed else ())) for each in used))


def _deciding(operation: Any) -> set[tuple[str, str]]:
    """The columns on which the outcomes of an operation and its changes depend, each with the name of its row."""
    expressions = [
        *(rule.when for rule in operation.rules if rule.when is not None),
        *(each for let in operation.lets.values() for each in let.expressions),
        *(
            each
            for rule in operation.rules
            for effect in rule.effects
            for each in (effect.when, effect.unless)
            if each is not None
        ),
    ]
    return {(each.name, each.column) for expression in expressions for each in expression.references if each.column is not None}


def _value(expression: Any, scope: Any, unsure: Iterable[str] = ()) -> Any:
    """The value of an expression; an Absence where it depends on what is not known."""
    if any(name in unsure or name == "now" for name in _names((expression,))):
        return openapi.Absence.UNDETERMINED
    try:
        return expression.evaluate(scope)
    except (LookupError, openapi.ExecutionError):
        return openapi.Absence.UNDETERMINED


def _unchanged(effect: Any, scope: Any) -> Iterator[openapi.Change]:
    """The rows that an effect would have changed, had its conditions been others: any, if only the server knows its key."""
    columns = scope.state.tables[effect.table]
    try:
        rows = effect.lookup.rows(scope, scope.state)
    except LookupError:
        rows = scope.state.table(effect.table).values()
    return (openapi.Change(columns, row, None) for row in rows)
