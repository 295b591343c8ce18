"""Guesses the rows of a decision table from the codes and the messages of an operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.draft.envelope import Envelope
from contracts.draft.match import SURE, Match, all_alike, best, likeness, several
from contracts.draft.record import Code, Field, Operation, Place
from contracts.draft.text import LONGEST_MESSAGE
from contracts.draft.usable import RESERVED, can_be_missing, has_limits, is_constrained, is_file
from contracts.draft.words import (
    FAILURE,
    INVALID,
    MALFORMED,
    MISSING,
    NO_PERMISSION,
    NOT_LOGGED_IN,
    NOW,
    PARAMETERS,
    RELATIONS,
    TOKEN,
    TRAILING,
)

_number = re.compile(r"-?\d{1,15}").fullmatch

TOKEN_MISSING, TOKEN_INVALID, ABSENT, WRONG, RELATED, PERMISSION, STATE, ANY_TIME = range(8)
"""The groups of rows, in the order in which most servers check."""


@dataclass(slots=True)
class Row:
    """A row as it is written, and what it is for."""

    group: int
    code: Code
    condition: dict[str, Any] = field(default_factory=dict)
    kind: str = "assumed"
    """assumed or permitted."""
    why: str = ""
    order: int = 0
    """The position of its parameter."""
    reply: dict[str, Any] = field(default_factory=dict)
    """`mint` and `data`, where a page describes the body."""


@dataclass(slots=True)
class Table:
    """The rows of an operation without the success, in the order that is guessed."""

    rows: list[Row] = field(default_factory=list)
    lets: dict[str, Any] = field(default_factory=dict)
    todos: list[str] = field(default_factory=list)


class Guesser:
    """Guesses the table of one operation."""

    def __init__(self, operation: Operation, credential: str, caller: str, fallback: Code) -> None:
        """`credential` names the security scheme and `caller` the let of its session; both are empty without a scheme.
        `fallback` is the code for what has none.
        """
        self.operation, self.credential, self.caller, self.fallback = operation, credential, caller, fallback
        by_name = {each.called: each for each in operation.fields if each.called}
        self.fields = [each for each in by_name.values() if not is_file(each)]
        self.order = {each.called: number for number, each in enumerate(self.fields)}
        self.table = Table()
        self.general: Code | None = None

    def guess(self, codes: Sequence[Code]) -> Table:
        """The table for these codes, which are all but the success."""
        for code in codes:
            self._code(code)
        self._complete()
        self._once()
        self.table.rows.sort(key=lambda row: (row.group, row.order))
        return self.table

    def _add(self, group: int, code: Code, condition: Mapping[str, Any], why: str, kind: str = "assumed", order: int = 0) -> None:
        self.table.rows.append(Row(group, code, dict(condition), kind, f"{code.place}: {why}", order))

    def _todo(self, code: Code, what: str) -> None:
        text = next(iter(code.messages.values()), "")
        self.table.todos.append(f"{code.place}: {code.value} {text}".rstrip() + f": {what}")

    def _open(self, group: int, code: Code, why: str, todo: str) -> None:
        """A row that a server may give at any time, until a person says when."""
        self._add(group, code, {}, why, "permitted")
        if todo:
            self._todo(code, todo)

    def _code(self, code: Code) -> None:
        texts = [TRAILING.sub("", each)[:LONGEST_MESSAGE] for each in code.messages.values()]
        if any(attempt(code, text) for attempt in self._attempts for text in texts if text):
            return
        if code.is_status and isinstance(code.value, int) and self._status(code, code.value):
            return
        if any(FAILURE(text) for text in texts):
            self._open(ANY_TIME, code, "the server may fail at any time", "")
        else:
            self._open(STATE, code, "the page does not say when", "say when, by a condition on the state")

    @property
    def _attempts(self) -> tuple[Any, ...]:
        return self._missing, self._token, self._permission, self._relation, self._parameters, self._malformed

    def _missing(self, code: Code, text: str) -> bool:
        what = next((match["what"] for pattern in MISSING if (match := pattern(text))), None)
        if what is None:
            return False
        found = best(what, self.fields)
        if TOKEN(what) and self.credential and not (found and found[1] >= SURE):
            self._token_missing(code, "the message asks for the token")
            return True
        if found is None or found[1] < SURE:
            matches, alternatives = several(what, self.fields)
            if matches:
                self._several(code, [each for each, _ in matches], alternatives)
                return True
        if found is None:
            return False
        self._absent(code, found)
        return True

    def _absent(self, code: Code, match: Match) -> None:
        each, score = match
        if not can_be_missing(each):
            where = "is in the path" if each.location == "path" else "has a default"
            self._open(STATE, code, f"the message names {each.name}, which {where}", "say when; it can never be missing")
            return
        why = f"the message names {each.name} (alike {score:.2f})"
        self._add(ABSENT, code, {"missing": each.called}, why, order=self.order[each.called])
        if not each.required:
            self._todo(code, f"{each.name} is optional at {each.place}; is it required?")

    def _several(self, code: Code, fields: Sequence[Field], alternatives: bool) -> None:
        names = [each.called for each in fields]
        if not all(can_be_missing(each) and each.called not in RESERVED for each in fields):
            self._open(STATE, code, f"the message names {', '.join(names)}", "say when; one of them can never be missing")
        elif alternatives:
            taken = {*self.order, *self.table.lets, self.credential, self.caller}
            given = next(each for each in ("given", *(f"given{number}" for number in range(2, 1000))) if each not in taken)
            self.table.lets[given] = {"first": names}
            self._add(ABSENT, code, {"missing": given}, f"the message names {' or '.join(names)}", order=len(self.order))
            self._todo(code, f"is one of {', '.join(names)} enough?")
        else:
            self._add(ABSENT, code, {"missing": names}, f"the message names {' and '.join(names)}", order=self.order[names[0]])

    def _token(self, code: Code, text: str) -> bool:
        if not self.credential:
            return False
        if NOT_LOGGED_IN(text):
            self._token_missing(code, "the message says that nobody is logged in")
        elif TOKEN(text) and INVALID(text) and not any(likeness(text, each) >= SURE for each in self.fields):
            self._add(TOKEN_INVALID, code, {"missing": self.caller}, "the message says that the token is not valid")
        else:
            return False
        return True

    def _token_missing(self, code: Code, why: str) -> None:
        self._add(TOKEN_MISSING, code, {"missing": self.credential}, why)

    def _permission(self, code: Code, text: str) -> bool:
        if NO_PERMISSION(text):
            self._forbidden(code)
            return True
        return False

    def _forbidden(self, code: Code) -> None:
        todo = "say who has no permission, by a condition on the state"
        self._open(PERMISSION, code, "it depends on who may do this", todo)

    def _relation(self, code: Code, text: str) -> bool:
        match = next((found for pattern in RELATIONS if (found := pattern(text))), None)
        if match is None:
            return False
        first, second = self._operand(match["a"]), self._operand(match["b"])
        types = {each.schema["type"] for each in self.fields if each.called in (first, second)}
        if first is None or second is None or first == second or len(types) != 1:  # one of them is a parameter at least
            return False
        must_be_more = bool(match["more"]) != bool(match["not"])
        allows_equal = bool(match["equal"]) != bool(match["not"])
        operator = ("<" if allows_equal else "<=") if must_be_more else (">" if allows_equal else ">=")
        condition = f"{first} {operator} {second}"
        self._add(RELATED, code, {"when": condition}, f"the message compares {first} with {second}")
        return True

    def _operand(self, text: str) -> str | None:
        text = text.strip(" ，,。的")
        if _number(text):
            return text
        if NOW(text):
            return "now"
        numeric = [
            each for each in self.fields if each.schema.get("type") in ("integer", "number") and each.called not in RESERVED
        ]
        match = best(text, numeric)
        return match[0].called if match else None

    def _parameters(self, code: Code, text: str) -> bool:
        if PARAMETERS(text):
            self._cover(code)
            return True
        return False

    def _cover(self, code: Code) -> None:
        """Takes a code for all that no message names; of several the first."""
        if self.general is None:
            self.general = code
        else:
            self._open(STATE, code, f"{self.general.value} may be meant, too", "say when")

    def _malformed(self, code: Code, text: str) -> bool:
        what = next((found["what"] for pattern in MALFORMED if (found := pattern(text))), None)
        if not what:
            return False
        matches = all_alike(what, self.fields)
        usable = [(each, score) for each, score in matches if has_limits(each) and each.location != "path"]
        if usable:
            names = [each.called for each, _ in usable]
            score = max(score for _, score in usable)
            why = f"the message names {', '.join(names)} (alike {score:.2f})"
            condition = {"malformed": names if len(names) > 1 else names[0]}
            self._add(WRONG, code, condition, why, order=self.order[names[0]])
            return True
        if matches:
            name = matches[0][0].called
            self._open(STATE, code, f"the message names {name}, and any text is a value of it", f"write a constraint for {name}")
            return True
        return False

    def _status(self, code: Code, status: int) -> bool:
        if status in (400, 422):
            self._cover(code)
        elif status == 401 and self.credential:
            self._token_missing(code, "401 is the status without a login")
        elif status == 403:
            self._forbidden(code)
        elif status == 404 and any(self.operation.at("path")):
            self._open(STATE, code, "it depends on what exists", "say what does not exist, by a let and missing")
        elif status >= 500:
            self._open(ANY_TIME, code, "the server may fail at any time", "")
        else:
            return False
        return True

    def _complete(self) -> None:
        """Adds the rows that a contract needs: for the token, for what is required, and for what can be malformed."""
        code = self.general or self.fallback
        said = "the message names no parameter" if self.general else "no code is documented for it"
        if self.credential:
            self._complete_token(said)
        rows = self.table.rows
        absent = {name for row in rows for name in _names(row, "missing")}
        lacking = [each for each in self.fields if each.required and can_be_missing(each) and each.called not in absent]
        wrong = {name for row in rows for name in _names(row, "malformed")}
        loose = [each for each in self.fields if is_constrained(each) and each.called not in wrong]
        for group, key, found in ((ABSENT, "missing", lacking), (WRONG, "malformed", loose)):
            names = [each.called for each in found]
            if names:
                self._add(group, code, {key: names if len(names) > 1 else names[0]}, said, order=len(self.order))
                listed = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
                if not self.general:
                    what = f"no code is documented where {listed} is {key}; {code.value} is invented"
                    self.table.todos.append(f"{found[0].place}: {what}")
        if self.general and not any(row.code is self.general for row in rows):
            self._open(STATE, self.general, "the message names no parameter", "say when")

    def _complete_token(self, said: str) -> None:
        rows = {row.group: row for row in reversed(self.table.rows) if row.group in (TOKEN_MISSING, TOKEN_INVALID)}
        missing, invalid = rows.get(TOKEN_MISSING), rows.get(TOKEN_INVALID)
        known = missing or invalid
        code = known.code if known else self._unauthorized()
        why = "no other code is documented for it" if known else said
        if missing is None:
            self._token_missing(code, why)
        if invalid is None:
            self._add(TOKEN_INVALID, code, {"missing": self.caller}, why)
        if known is None:
            what = f"no code is documented without a valid token; {code.value} is invented"
            self.table.todos.append(f"{self.operation.place}: {what}")

    def _unauthorized(self) -> Code:
        if self.fallback.is_status:
            return Code(401, {"en": "unauthorized"}, self.operation.place, is_status=True)
        return self.fallback

    def _once(self) -> None:
        """Two rows may not have one condition: the later one becomes permitted, and a person decides."""
        seen: set[str] = set()
        for row in self.table.rows:
            key = str(sorted(row.condition.items(), key=str))
            if row.condition and key in seen:
                row.condition, row.kind, row.group = {}, "permitted", STATE
                self._todo(row.code, "another code has the same condition; say when this one is given")
            seen.add(key)


def _names(row: Row, key: str) -> Iterator[str]:
    value = row.condition.get(key, ())
    yield from (value,) if isinstance(value, str) else value


def fallback_code(envelope: Envelope | None, place: Place) -> Code:
    """The code for what has none."""
    return Code(envelope.typed(400) if envelope else 400, {}, place, is_status=envelope is None)
