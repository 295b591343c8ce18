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

from openapi.document.errors import short_name
from openapi.parameters.parameter import UNREADABLE, Read

MISSING, VALUE, MALFORMED, NUMBER = "missing", "value", "malformed", "number"
LARGEST_EXPONENT = 30
"""A number with a larger exponent is beyond every integer format."""

Choice = tuple[str, str]
"""A kind and one of its options."""
Allowed = Callable[[str, tuple[str, ...]], tuple[str, ...]]
"""A function from a kind and its options to the permitted options."""

TEXTS: Mapping[str, tuple[str, ...]] = {
    "empty": (MISSING, VALUE),
    "blank": (MISSING, VALUE),
    "padding": ("kept", "trimmed", "leading", "trailing"),
    "null": (VALUE, MISSING),
    "undefined": (VALUE, MISSING),
    "plus": (MALFORMED, NUMBER),
    "digits": (MALFORMED, NUMBER),
    "zeros": (NUMBER, MALFORMED),
    "fraction": (MALFORMED, NUMBER),
    "exponent": (MALFORMED, NUMBER),
}
"""The kinds of texts, and the readings of each: an empty text, white space, white space around a text (cut on
both sides, or on one), `null`, `undefined`, `+12`, digits that are not ASCII, `012`, `12.0`, `1e3`."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "case": ("exact", "ignored"),
    "trailing": ("exact", "ignored"),
    "normalisation": ("exact", "ignored"),
}
"""How lookups compare texts: whether case, trailing blanks, and compatible Unicode characters make a difference."""
REQUESTS: Mapping[str, tuple[str, ...]] = {
    "repeated": ("first", "last", "joined"),
    "form": ("read", "ignored", "refused"),
    "both": ("query", "form"),
    "json": ("ignored", "read", "refused"),
    "prefix": ("optional", "verbatim", "required", "required and else invalid"),
}
"""How a request is read: which value of a repeated parameter counts; whether a form may hold parameters; which value counts if
the query and the form have one; whether a JSON body may hold parameters; whether a credential has the prefix `Bearer `."""
KINDS: Mapping[str, tuple[str, ...]] = {**TEXTS, **KEYS, **REQUESTS}

_NUMBERS = ("integer", "number")
_CUTS: Mapping[str, Callable[[str], str]] = {"trimmed": str.strip, "leading": str.lstrip, "trailing": str.rstrip}
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
    """The reading that a contract states for one kind."""

    option: str
    why: str
    """The reason of an assumed reading; empty for a documented one."""
    file: str
    line: int

    @property
    def place(self) -> str:
        """Its file and line."""
        return f"{short_name(self.file)}:{self.line}"

    @property
    def documented(self) -> bool:
        """Whether another reading is a violation."""
        return not self.why


def kind_of(text: str, json_type: str) -> str | None:
    """The kind of a text; None for a text that has only one reading."""
    if not text.strip():
        return "blank" if text else "empty"
    if text != text.strip():
        return "padding"
    if text in ("null", "undefined"):
        return text
    if json_type not in _NUMBERS or _plain(text):
        return None
    return next((kind for kind, test in _tests.items() if test(text) and (json_type == "integer" or kind != "fraction")), None)


def spellings(text: str, json_type: str, allowed: Allowed) -> Iterator[tuple[str | None, Any, tuple[Choice, ...]]]:
    """The permitted readings of a text: (text, value, choices).

    `text` is for the parser of the parameter, None for a missing parameter. A `value` that is not None replaces the result of
    the parser. `choices` are the options that give this reading.
    """
    kind = kind_of(text, json_type)
    if kind is None:
        yield text, None, ()
        return
    for option in allowed(kind, TEXTS[kind]):
        if option == "trailing" and json_type not in _NUMBERS:
            continue  # of a text this is the reading `trailing` of a lookup
        read, value = _read(kind, option, text, json_type)
        if read is None or read == text or value is not None:
            yield read, value, ((kind, option),)
        else:
            for inner, found, choices in spellings(read, json_type, _one_option(kind, option, allowed)):
                yield inner, found, ((kind, option), *choices)


def _one_option(kind: str, option: str, allowed: Allowed) -> Allowed:
    return lambda each, options: (option,) if each == kind else allowed(each, options)


def _read(kind: str, option: str, text: str, json_type: str) -> tuple[str | None, Any]:
    if option == TEXTS[kind][0]:
        return text, None
    if kind in ("empty", "blank"):
        return text, UNREADABLE if json_type != "string" else text
    if kind == "padding":
        return _CUTS[option](text), None
    if kind in ("null", "undefined"):
        return None, None
    if kind == "zeros":
        return text, UNREADABLE
    return _number(kind, text), None


def _number(kind: str, text: str) -> str:
    """The number in ASCII digits without a sign `+`, a fraction or an exponent."""
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
    """The text that is compared by a server that ignores this kind of difference."""
    if kind == "case":
        return text.casefold()
    return text.rstrip() if kind == "trailing" else unicodedata.normalize("NFKC", text)


def stated_reader(read: Read, json_type: str, stated: Mapping[str, Stated]) -> Read:
    """A reader that follows the stated readings of texts; `read` itself where all of them are the first ones."""
    options = {kind: each.option for kind, each in stated.items() if kind in TEXTS and each.option != TEXTS[kind][0]}
    if not options:
        return read

    def read_as_stated(raw: Any) -> Any:
        if not isinstance(raw, str):
            return read(raw)
        text, value, _ = next(spellings(raw, json_type, lambda kind, each: (options.get(kind, each[0]),)))
        return read(text) if value is None else value

    return read_as_stated
