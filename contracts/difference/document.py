"""What holds for the whole document: the envelope, languages, messages, readings, and the tables of the state."""

from __future__ import annotations

from collections.abc import Iterator

import openapi
from contracts.difference.change import BOTH, NOBODY, OF_CLIENTS, OF_SERVERS, Breaks, Change, Place, place
from contracts.difference.digest import value_key
from contracts.difference.facets import short
from contracts.difference.side import Side


def changes(old: Side, new: Side) -> Iterator[Change]:
    """All changes of the document itself."""
    yield from _envelope(old, new)
    yield from _languages(old, new)
    yield from _messages(old, new)
    yield from _readings(old, new)
    yield from _tables(old, new)


def _section(side: Side, key: str) -> openapi.Node:
    return side.root.get(key) or side.root


def _envelope(old: Side, new: Side) -> Iterator[Change]:
    node = _section(new, "x-envelope")
    one, two = old.contract.envelope, new.contract.envelope
    pointers = (("code", one.code, two.code), ("message", one.message, two.message), ("data", one.data, two.data))
    for part, before, after in pointers:
        if before != after:
            what = f"the {part} of a reply is at {_pointer(after)}, and was at {_pointer(before)}"
            yield Change(BOTH, place(node.get(part) or node), what)
    for key, called, before, after in (
        ("body", "body", one.blank, two.blank),
        ("refusal", "body of refusals", one.refusal, two.refusal),
    ):
        if value_key(before) != value_key(after):
            what = f"the {called} to fill in is {short(after)}, and was {short(before)}; what clients get is in the schemas"
            yield Change(NOBODY, place(node.get(key) or node), what)
    headers = old.contract.language_header, new.contract.language_header
    if str(headers[0]).lower() != str(headers[1]).lower():
        what = f"the header of the language is {headers[1] or 'none'}, and was {headers[0] or 'none'}"
        yield Change(BOTH, place(node.get("language") or node), what)


def _pointer(pointer: str | None) -> str:
    return "no place" if pointer is None else pointer or "the body itself"


def _languages(old: Side, new: Side) -> Iterator[Change]:
    before, after = old.contract.languages, new.contract.languages
    at = place(_section(new, "x-messages"))
    for language in before:
        if language not in after and after:
            yield Change(OF_CLIENTS, at, f"there are no messages in {language} any more")
    for language in after:
        if language not in before and before:
            yield Change(OF_SERVERS, at, f"there are messages in {language} now, which servers have to give")
    if before and after and before[0] != after[0] and {before[0], after[0]} <= {*before, *after}:
        yield Change(BOTH, at, f"the language of a request that names none is {after[0]}, and was {before[0]}")


def _messages(old: Side, new: Side) -> Iterator[Change]:
    before, after = (side.root.mapping("x-messages") for side in (old, new))
    for code in before.value if before and after else ():
        if before and after and code in after.value and before.value[code] != after.value[code]:
            yield Change(NOBODY, place(after.child(code)), f"the message of {code} changed; nobody may rely on messages")


def _readings(old: Side, new: Side) -> Iterator[Change]:
    """A reading that is documented is the only one; else every reading is permitted."""
    before, after = old.contract.readings, new.contract.readings
    for kind in dict.fromkeys((*after, *before)):
        one, two = before.get(kind), after.get(kind)
        if (one and (one.option, one.documented)) == (two and (two.option, two.documented)):
            continue
        texts = [f"{each.option}{'' if each.documented else ' (assumed)'}" if each else "left open" for each in (two, one)]
        what = f"the reading {kind} is {texts[0]}, and was {texts[1]}"
        stated = two or one
        if stated is not None:
            yield Change(_of_reading(one, two), Place(stated.file, stated.line, two is None), what)


def _of_reading(one: openapi.Stated | None, two: openapi.Stated | None) -> Breaks:
    was, now = (each is not None and each.documented for each in (one, two))
    return BOTH if was and now else OF_SERVERS if now else OF_CLIENTS if was else NOBODY


def _tables(old: Side, new: Side) -> Iterator[Change]:
    """Tables do not show in requests and replies; worlds have their rows."""
    before, after = old.contract.tables, new.contract.tables
    for name in before:
        if name not in after:
            at = place(old.root.child("x-state").child(name), True)
            yield Change(NOBODY, at, f"worlds may no longer have the table {name}")
    for name in after:
        node = new.root.child("x-state").child(name)
        if name in before:
            yield from _columns(before[name], after[name], old.root.child("x-state").child(name), node)
        else:
            yield Change(NOBODY, place(node), f"worlds may have a new table {name}")


def _columns(one: openapi.Columns, two: openapi.Columns, was: openapi.Node, node: openapi.Node) -> Iterator[Change]:
    if one.key != two.key:
        what = f"the key of {two.table} is {', '.join(two.key)}, and was {', '.join(one.key)}: rows of worlds differ in it"
        yield Change(NOBODY, place(node.child("key")), what)
    properties = node.child("row").child("properties")
    for name in one.names:
        if name not in two.names:
            at = place(was.child("row").child("properties").child(name), True)
            yield Change(NOBODY, at, f"worlds may no longer have the column {name} of {two.table}")
    for name in two.names:
        at = place(properties.child(name))
        needed = name in two.required
        if name not in one.names:
            yield Change(NOBODY, at, f"worlds {'need' if needed else 'may have'} the new column {name} of {two.table}")
        elif value_key(one.schema["properties"][name]) != value_key(two.schema["properties"][name]):
            yield Change(NOBODY, at, f"the column {name} of {two.table} has another schema, which rows of worlds have to fit")
        elif needed != (name in one.required):
            yield Change(NOBODY, at, f"worlds {'need' if needed else 'may leave out'} the column {name} of {two.table} now")
