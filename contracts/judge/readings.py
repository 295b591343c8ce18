"""What has been learnt of how a server reads requests.

A contract states some readings. Of the others a server has one for each parameter of each operation, and its replies tell
which. It is reported, and the rest of the run is judged by it.
"""

from __future__ import annotations

from collections.abc import Iterable

import openapi
from contracts.judge.views import Choice

Key = tuple[str, str, str]
TAKES = {
    ("empty", "value"): "takes an empty text for a value",
    ("blank", "value"): "takes white space for a value",
    ("padding", "trimmed"): "cuts white space around a text",
    ("padding", "leading"): "cuts white space before a text",
    ("padding", "trailing"): "cuts white space after a number",
    ("null", "missing"): "takes the text null for a missing parameter",
    ("undefined", "missing"): "takes the text undefined for a missing parameter",
    ("plus", "number"): "takes +12 for a number",
    ("digits", "number"): "takes digits that are not ASCII for a number",
    ("zeros", "malformed"): "refuses numbers with leading zeros",
    ("fraction", "number"): "takes 12.0 for an integer",
    ("exponent", "number"): "takes 1e3 for an integer",
    ("case", "ignored"): "compares texts without regard to case",
    ("trailing", "ignored"): "compares texts without trailing blanks",
    ("normalisation", "ignored"): "compares texts after Unicode normalisation",
    ("repeated", "last"): "takes the last value of a repeated parameter",
    ("repeated", "joined"): "joins the values of a repeated parameter",
    ("form", "ignored"): "does not read parameters from a form",
    ("form", "refused"): "refuses forms",
    ("both", "form"): "prefers a form to the query",
    ("json", "read"): "reads parameters from a JSON body",
    ("json", "refused"): "refuses JSON bodies",
    ("prefix", "verbatim"): "takes a credential without `Bearer ` alone",
    ("prefix", "required"): "takes a credential after `Bearer ` alone",
    ("prefix", "required and else invalid"): "takes a credential after `Bearer ` alone",
}
"""What a server does whose reading is not the mock's, as the end of a sentence."""


class Readings:
    """The readings that a server may still have, by kind, operation and parameter."""

    def __init__(self, stated: dict[str, openapi.Stated]) -> None:
        self._stated = stated
        self._left: dict[Key, tuple[str, ...]] = {}

    def pin(self, kind: str, *options: str) -> None:
        """Holds a server to one of these options."""
        self._stated[kind] = openapi.Stated(options[0], "", "command line", 1)

    def allowed(self, kind: str, operation: str, parameter: str, options: tuple[str, ...]) -> tuple[str, ...]:
        """The options that are left, the mock's first."""
        stated = self._stated.get(kind)
        if stated is not None and stated.documented:
            return (stated.option,)
        return self._left.get((kind, operation, parameter), options)

    def possible(self, kind: str, operation: str, parameter: str, options: tuple[str, ...]) -> tuple[str, ...]:
        """The options of a text, whatever is stated or was learnt; of a request those that are left."""
        return self.allowed(kind, operation, parameter, options) if kind in openapi.REQUESTS else options

    def learn(self, explanations: Iterable[tuple[Choice, ...]]) -> list[Choice]:
        """Leaves the options with which a reply can be explained; gives those that are certain now and not the mock's."""
        found: dict[Key, set[str]] = {}
        chosen = [{(kind, operation, name): option for kind, operation, name, option in choices} for choices in explanations]
        for options in chosen:
            for key, option in options.items():
                found.setdefault(key, set()).add(option)
        certain = []
        for key, possible in found.items():
            if not all(key in options for options in chosen):
                continue  # an explanation without this choice says nothing of it
            before = self._left.get(key, openapi.KINDS[key[0]])
            left = tuple(each for each in before if each in possible)
            self._left[key] = left or before
            if len(left) == 1 < len(before) and left[0] != openapi.KINDS[key[0]][0]:
                certain.append((*key, left[0]))
        return certain

    def conflict(self, choices: Iterable[Choice]) -> tuple[str, str] | None:
        """The rule and the difference of the first of these readings that is not one that is left; None where all are."""
        for kind, operation, parameter, option in choices:
            if option in self.allowed(kind, operation, parameter, openapi.KINDS[kind]):
                continue
            where = " of ".join(filter(None, (parameter, operation)))
            stated = self._stated.get(kind)
            takes = TAKES.get((kind, option), f"reads {kind} as {option}")
            if stated is not None and stated.documented:
                return f"x-readings: {kind}: {stated.option} [{stated.place}]", f"the server {takes} ({where})"
            before = " or ".join(self._left[kind, operation, parameter])
            return f"one server reads {kind} in one way", f"{where} was read as {before} before, and now the server {takes}"
        return None

    def sentence(self, choice: Choice) -> tuple[str, str]:
        """What a certain reading says of the server, and where it was seen."""
        kind, operation, parameter, option = choice
        stated = self._stated.get(kind)
        why = f"assumed: {stated.why} [{stated.place}]" if stated is not None else "the contract does not say"
        return f"this server {TAKES[kind, option]} ({why})", " of ".join(filter(None, (parameter, operation)))

    def takes(self, kind: str, operation: str = "", parameter: str = "") -> str | None:
        """The one option that is left; None where there are several."""
        left = self.allowed(kind, operation, parameter, openapi.KINDS[kind])
        return left[0] if len(left) == 1 else None
