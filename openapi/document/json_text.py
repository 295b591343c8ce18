"""Reads JSON text into data and the line of each value. YAML would read some of it otherwise, such as surrogate pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from openapi.document.errors import InvalidDocument, Problem
from openapi.document.json_value import without_surrogates
from openapi.document.limits import DEEPEST, MOST_VALUES, Lines, Pointer

LONGEST_NUMBER = 1000
"""Digits."""
_token = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:\n]|[^\s\[\]{},:"]+').finditer


class NotJson(InvalidDocument):
    """A text that is not JSON."""


def read_json(text: str, file: str) -> tuple[Any, Lines]:
    """The data, and the line (from 1) of each value. Raises NotJson, and InvalidDocument beyond a limit."""
    try:
        data = json.loads(text, parse_int=_int, parse_float=_float, parse_constant=_float)
    except json.JSONDecodeError as error:
        raise NotJson([Problem(file, error.lineno, f"is not JSON: {error.msg}, at column {error.colno}")]) from None
    except ValueError as error:
        raise InvalidDocument([Problem(file, 1, f"is not JSON: {error}")]) from None
    except RecursionError:
        raise InvalidDocument([Problem(file, 1, f"values are nested more than {DEEPEST} deep")]) from None
    return without_surrogates(data) if "\\ud" in text.lower() else data, _Lines(text, file).find()


def is_json(text: str) -> bool:
    """Whether a text may be meant as JSON."""
    return text.lstrip(" \t\r\n")[:1] in ("{", "[")


def _int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:40]} is not a number")
    return value


class _Lines:
    """Finds the line of each value, or of its key, in a text that is valid JSON."""

    def __init__(self, text: str, file: str) -> None:
        self.file, self.line, self.lines = file, 1, Lines()
        self.tokens = self._tokens(text)

    def find(self) -> Lines:
        self._value(next(self.tokens), ())
        return self.lines

    def _tokens(self, text: str) -> Iterator[str]:
        for match in _token(text):
            if match[0] == "\n":
                self.line += 1
            else:
                yield match[0]

    def _fail(self, what: str, hint: str = "") -> InvalidDocument:
        return InvalidDocument([Problem(self.file, self.line, what, hint)])

    def _value(self, token: str, pointer: Pointer) -> None:
        self.lines.setdefault(pointer, self.line)
        if len(self.lines) > MOST_VALUES:
            raise self._fail(f"the document has more than {MOST_VALUES} values")
        if len(pointer) > DEEPEST:
            raise self._fail(f"values are nested more than {DEEPEST} deep")
        if token == "{":
            self._object(pointer)
        elif token == "[":
            self._array(pointer)

    def _object(self, pointer: Pointer) -> None:
        while (token := next(self.tokens)) != "}":
            if token == ",":
                continue
            key = json.loads(token) if "\\" in token else token[1:-1]
            place = (*pointer, key)
            if place in self.lines:
                raise self._fail(f"duplicate key {key}", "remove one of the two")
            self.lines[place] = self.line
            next(self.tokens)  # the colon
            self._value(next(self.tokens), place)

    def _array(self, pointer: Pointer) -> None:
        position = 0
        while (token := next(self.tokens)) != "]":
            if token != ",":
                self._value(token, (*pointer, position))
                position += 1
