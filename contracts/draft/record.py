"""The neutral record of an operation, whatever kind of page it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openapi

BODY, FORM = "body", "form"
"""Places of a field besides query, path, header and cookie: a property of a JSON body, a field of a form."""


class Unreadable(openapi.InvalidDocument):
    """A page that cannot be drafted from; the message is one sentence with file and line."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file, as it was named, and a line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"

    def error(self, what: str, hint: str) -> Unreadable:
        """The error for what is here."""
        return Unreadable([openapi.Problem(self.file, self.line, what, hint)])


@dataclass(slots=True)
class Field:
    """A parameter, or a property of a body."""

    name: str
    place: Place
    location: str = ""
    """query, path, header, cookie, form or body; empty where the page does not say."""
    required: bool = False
    type_name: str = ""
    """The type as the page writes it."""
    schema: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    children: list[Field] = field(default_factory=list)
    style: dict[str, Any] = field(default_factory=dict)
    """`style` and `explode` of an OpenAPI parameter."""
    called: str = field(init=False)
    """Its name in rules; empty if no rule can use it."""
    guesses: list[str] = field(default_factory=list)
    """What of the schema was guessed, as sentences."""

    def __post_init__(self) -> None:
        self.called = openapi.expression_name(self.name)


@dataclass(slots=True)
class Code:
    """A code that a reply may have, and its messages by language."""

    value: int | str
    messages: dict[str, str]
    place: Place
    is_status: bool = False
    """Whether it is an HTTP status for certain."""


@dataclass(frozen=True, slots=True)
class Example:
    """A decoded body, and where it was."""

    value: Any
    place: Place
    real: bool = False
    """Whether a server sent it, so that its values are no zero values of a generator."""


@dataclass(slots=True)
class Operation:
    """All that a page says about one operation."""

    method: str
    """In lower case."""
    path: str
    place: Place
    name: str = ""
    """The operationId, where the page has one."""
    summary: str = ""
    description: str = ""
    media: list[str] = field(default_factory=list)
    """The media types of the request."""
    fields: list[Field] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    reply: list[Field] = field(default_factory=list)
    request_example: Example | None = None
    examples: list[Example] = field(default_factory=list)
    """Bodies of replies."""
    kept: dict[str, Any] = field(default_factory=dict)
    """Parts of OpenAPI that are written as they are: requestBody, responses, security."""
    todos: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out, for a comment."""

    def at(self, *locations: str) -> Iterator[Field]:
        """The fields in these places."""
        return (each for each in self.fields if each.location in locations)


@dataclass(slots=True)
class Page:
    """What was read from one file."""

    operations: list[Operation]
    title: str = ""
    schemas: dict[str, Any] = field(default_factory=dict)
    """The schemas of an OpenAPI document, by name."""
    security_schemes: dict[str, Any] = field(default_factory=dict)
    security: list[Any] = field(default_factory=list)
