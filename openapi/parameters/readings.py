"""Readings: how a server turns the text of a parameter into a value, where parsers differ.

Each kind of text has a few readings; the first is the one of this package, and so of the mock. A contract may state which one
is documented or assumed (`x-readings`); where it is silent, every reading is permitted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from openapi.parameters.parameter import UNREADABLE, Read

MISSING, VALUE, MALFORMED, NUMBER = "missing", "value", "malformed", "number"
LARGEST_EXPONENT = 30
"""A larger one makes a number that no format holds."""

Choice = tuple[str, str]
"""A kind and an option of it."""
Allowed = Callable[[str, tuple[str, ...]], tuple[str, ...]]
"""The options of a kind that are permitted."""

TEXTS: Mapping[str, tuple[str, ...]] = {
    "empty": (MISSING, VALUE),
    "blank": (MISSING, VALUE),
    "padding": ("kept", "trimmed"),
    "null": (VALUE, MISSING),
    "plus": (MALFORMED, NUMBER),
    "digits": (MALFORMED, NUMBER),
    "zeros": (NUMBER, MALFORMED),
    "fraction": (MALFORMED, NUMBER),
    "exponent": (MALFORMED, NUMBER),
}
"""The kinds of texts, and how each may be read: an empty text, white space, white space around a text, `null` or `undefined`,
`+12`, digits that are not ASCII, `012`, `12.0`, `1e3`."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "case": ("exact", "ignored"),
    "trailing": ("exact", "ignored"),
    "normalisation": ("exact", "ignored"),
}
"""How texts are compared in look-ups: upper and lower case, trailing blanks, compatible Unicode characters."""
REQUESTS: Mapping[str, tuple[str, ...]] = {
    "repeated": ("first", "last", "joined"),
    "form": ("read", "ignored", "refused"),
    "both": ("query", "form"),
    "json": ("ignored", "read"),
    "prefix": ("optional", "verbatim", "required", "required and else invalid"),
}
"""How a request is read: which value of a repeated parameter counts, whether parameters may come in a form, which one counts
that is in the query and in the form, whether they may come in a JSON body, and whether `Bearer ` stands before a credential."""
KINDS: Mapping[str, tuple[str, ...]] = {**TEXTS, **KEYS, **REQUESTS}

_NUMBERS = ("integer", "number")
_plain = re.compile(r"-?(0|[1-9][0-9]*)").fullmatch
_tests: dict[str, Callable[[str], Any]] = {
    "plus": re.compile(r"\+[0-9]+").fullmatch,
    "digits": lambda text: not text.isascii() and text.removeprefix("-").isdecimal(),
    "zeros": re.compile(r"-?0[0-9]+").fullmatch,
    "fraction": re.compile(r"-?[0-9]+\.0+").fullmatch,
    "exponent": re.compile(r"-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+").fullmatch,
}


@dataclass(frozen=True, slots=True)
class Stated:
    """What a contract states of one kind."""

    option: str
    why: str
    """The reason of an assumption; empty where it is documented."""
    file: str
    line: int

    @property
    def documented(self) -> bool:
        """Whether a server is held to it."""
        return not self.why


def kind_of(text: str, json_type: str) -> str | None:
    """The kind of a text of a parameter; None for one that every parser reads alike."""
    if not text.strip():
        return "blank" if text else "empty"
    if text != text.strip():
        return "padding"
    if text in ("null", "undefined"):
        return "null"
    if json_type not in _NUMBERS or _plain(text):
        return None
    return next((kind for kind, test in _tests.items() if test(text) and (json_type == "integer" or kind != "fraction")), None)


def spellings(text: str, json_type: str, allowed: Allowed) -> Iterator[tuple[str | None, Any, tuple[Choice, ...]]]:
    """What a text may be read as: a text for the contract's own parser (None where it is left out), or a value that is not None.

    Each with the choices that lead to it.
    """
    kind = kind_of(text, json_type)
    if kind is None:
        yield text, None, ()
        return
    for option in allowed(kind, TEXTS[kind]):
        read, value = _read(kind, option, text, json_type)
        if read is None or read == text or value is not None:
            yield read, value, ((kind, option),)
        else:
            for inner, found, choices in spellings(read, json_type, allowed):
                yield inner, found, ((kind, option), *choices)


def _read(kind: str, option: str, text: str, json_type: str) -> tuple[str | None, Any]:
    if option == TEXTS[kind][0]:
        return text, None
    if kind in ("empty", "blank"):
        return text, UNREADABLE if json_type != "string" else text
    if kind == "padding":
        return text.strip(), None
    if kind == "null":
        return None, None
    if kind == "zeros":
        return text, UNREADABLE
    return _number(kind, text), None


def _number(kind: str, text: str) -> str:
    """The plain spelling of a number."""
    if kind == "digits":
        return "".join(each if each == "-" else str(unicodedata.decimal(each)) for each in text)
    if kind == "plus":
        return text[1:]
    if kind == "fraction":
        return text.partition(".")[0]
    try:
        value = Decimal(text)
        whole = abs(value.adjusted()) <= LARGEST_EXPONENT and value == value.to_integral_value()
    except InvalidOperation:
        return text
    return str(int(value)) if whole else text


def folded(kind: str, text: str) -> str:
    """A text as a server compares it that ignores a kind of difference."""
    if kind == "case":
        return text.casefold()
    return text.rstrip() if kind == "trailing" else unicodedata.normalize("NFKC", text)


def stated_reader(read: Read, json_type: str, stated: Mapping[str, Stated]) -> Read:
    """The reader of a parameter whose contract states another reading than the first; the same where it does not."""
    options = {kind: each.option for kind, each in stated.items() if kind in TEXTS and each.option != TEXTS[kind][0]}
    if not options:
        return read

    def read_as_stated(raw: Any) -> Any:
        if not isinstance(raw, str):
            return read(raw)
        text, value, _ = next(spellings(raw, json_type, lambda kind, each: (options.get(kind, each[0]),)))
        return read(text) if value is None else value

    return read_as_stated
