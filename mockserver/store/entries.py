"""Entries of a journal that were read from a store: they have no decision, but what it said, with its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import openapi
from mockserver.worlds.journal import Account, Call, Entry
from mockserver.worlds.redaction import Redaction
from mockserver.worlds.wish import NOTHING, Wish

CALL = ("operation", "method", "path", "query", "body", "raw", "language")
ENTRY = ("number", "at", "seconds", "outcome", "status", "tainted", "text")
ACCOUNT = ("rule", "reasons", "changes", "reply", "fault")

EMPTY: Mapping[str, int] = {}


@dataclass(slots=True)
class StoredEntry(Entry):
    """An entry of another process, or of an earlier one."""

    told: Account = field(default_factory=Account)
    spelled: tuple[str, ...] = ()
    past: Mapping[str, int] = field(default_factory=dict)
    """Secrets that the world had when it was answered, and that it may not have any more."""

    def account(self, contract: openapi.Contract) -> Account:
        """Why it was answered so."""
        return self.told

    @property
    def spellings(self) -> tuple[str, ...]:
        """The outcome as a filter may write it; without one, the HTTP status."""
        return self.spelled

    def _teach(self, redaction: Redaction) -> None:
        redaction.learn_texts(list(self.past))


def row_of(entry: Entry) -> int:
    """The number of the row that answered; 0 where none did."""
    if entry.decision is not None:
        return entry.decision.rule.number
    rule = (entry.text or {}).get("rule")
    return rule["row"] if rule else 0


def plain_entry(entry: Entry, contract: openapi.Contract) -> dict[str, Any]:
    """An entry as plain data, with its secrets."""
    told = entry.account(contract) if entry.text is None else Account()
    wish = entry.call.wish
    return {
        **{name: getattr(entry, name) for name in ENTRY},
        "call": [getattr(entry.call, name) for name in CALL],
        "wish": None if wish is NOTHING else [wish.code, wish.example, wish.accept],
        "row": row_of(entry),
        "told": [getattr(told, name) for name in ACCOUNT],
        "spellings": entry.spellings,
    }


def read_entry(data: Mapping[str, Any], past: Mapping[str, int] = EMPTY) -> StoredEntry:
    """The entry of such data. `past` are secrets that its world no longer has."""
    wish = NOTHING if data["wish"] is None else Wish(*data["wish"])
    return StoredEntry(
        call=Call(**dict(zip(CALL, data["call"], strict=True)), started=0.0, wish=wish),
        **{name: data[name] for name in ENTRY},
        told=Account(*data["told"]),
        spelled=tuple(data["spellings"]),
        past=past,
    )
