"""Types of option values on the command line and in a profile."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

import click

import openapi
from contracts.cli.unusable import Unusable
from contracts.http.variables import SHORTEST_SECRET, filled, names, shown_as
from contracts.run.fuzz import Shard

ELSEWHERE = f"{__name__}.elsewhere"
"""The key in `meta` of a click context: whether `${NAME}` is looked up on other machines, and stays as it is here."""
_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_shard = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})").fullmatch


def secrets() -> dict[str, str]:
    """The secret values of the command line and the profile, each with the `${NAME}` to print instead."""
    found: dict[str, str] = click.get_current_context().meta.setdefault(__name__, {})
    return found


class Text(click.ParamType[str]):
    """A text. `${NAME}` in it is replaced by that environment variable, whose value is a secret."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text with environment variables filled in; fails if one is unset or empty.

        Where other machines fill them in, it is the text itself.
        """
        if ctx is not None and ctx.meta.get(ELSEWHERE):
            return str(value)
        try:
            text, found = filled(str(value), os.environ)
        except LookupError as error:
            self.fail(f"{error.args[0]} (export {error.args[1]}=…)", param, ctx)
        secrets().update(found)
        return text


class File(click.ParamType[str]):
    """A path. In a profile it is relative to the profile."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The path."""
        return str(value)


class WorldFile(File):
    """A world file. A profile may contain the world itself instead of a path."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The document of the world. Raises Unusable."""
        if isinstance(value, openapi.Document):
            return value
        try:
            return openapi.read_document(str(value))
        except openapi.InvalidDocument as error:
            raise Unusable(str(error)) from None


class Duration(click.ParamType[int]):
    """A duration such as `500ms`, `90s`, `30m` or `1h`, converted to ms."""

    name = "duration"

    def __init__(self, least: int = 0) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The duration in ms; fails if it is less than `least`."""
        found = openapi.duration(str(value)) if str(value) != "0" else 0
        if found is None or found < self._least:
            self.fail(f"{value!r} is not a duration; write 500ms, 90s, 30m or 1h", param, ctx)
        return found


class Rate(click.ParamType[float]):
    """A number of requests per second, such as 20 or 0.5."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; fails if it is below 0.001."""
        try:
            found = float(value)
        except ValueError:
            found = 0.0
        if not isfinite(found) or found < 0.001:
            self.fail(f"{value!r} is not a number of requests per second; write 20, or 0.5", param, ctx)
        return found


MOST_WORKERS = 64
"""The most parallel requests that can be stated."""


class Workers(click.ParamType[int]):
    """A number of parallel requests, or `auto`, which is 0."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; fails outside of 1 to 64."""
        text = str(value)
        if text == "auto":
            return 0
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:4]) <= MOST_WORKERS:
            self.fail(f"{value!r} is not a number of parallel requests; write auto, or 1 to {MOST_WORKERS}", param, ctx)
        return int(text)


@dataclass(frozen=True, slots=True)
class Header:
    """A header of every request. `shown` is the text that reports print instead of its value."""

    name: str
    value: str
    shown: str


class HeaderLine(Text):
    """A header line `Name: value`. The value is a secret, whether it is literal or from the environment."""

    name = "header"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The header; fails if the line is not `Name: value` in printable ASCII."""
        name, colon, text = str(value).partition(":")
        text = text.strip()
        value = super().convert(text, param, ctx)
        if not colon or not _token(name) or not value.isprintable() or not value.isascii():
            self.fail(f"{name} is not a header; write 'Name: value' in printable ASCII", param, ctx)
        if names(text):
            return Header(name, value, text)
        if len(value) >= SHORTEST_SECRET:
            secrets()[value] = shown_as(name)
        return Header(name, value, shown_as(name))


class ShardText(click.ParamType[Shard]):
    """A shard such as `3/16`, the third of sixteen equal parts."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        """The shard; fails if the text is not K/N with K from 1 to N."""
        if isinstance(value, Shard):
            return value
        match = _shard(str(value))
        if match is None or int(match[1]) > int(match[2]):
            self.fail(f"{value!r} is not a shard; write 3/16 for the third of sixteen", param, ctx)
        return Shard(int(match[1]), int(match[2]))
