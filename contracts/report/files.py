"""Reads JSON files that runs have written: reports and saved failures. They are untrusted data."""

from __future__ import annotations

from typing import Any

import openapi

LARGEST_FILE = 64 * 1024 * 1024
"""The most bytes of a file that is read."""


def read_json(path: str) -> Any:
    """The data of a JSON file, not read as YAML, which forbids some characters of replies. Raises InvalidDocument."""
    try:
        with open(path, "rb") as stream:
            text = stream.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise invalid(path, f"is larger than {LARGEST_FILE // 1024 // 1024} MiB")
        return openapi.parse_json(text, parse_constant=_refuse)
    except OSError as error:
        raise invalid(path, f"cannot be read: {error.strerror}") from None
    except openapi.InvalidDocument:
        raise
    except ValueError as error:
        raise invalid(path, f"is not JSON: {error}", line=getattr(error, "lineno", 1)) from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON")


def invalid(path: str, what: str, hint: str = "", line: int = 1) -> openapi.InvalidDocument:
    """The error for a file that cannot be used."""
    return openapi.InvalidDocument([openapi.Problem(path, line, what, hint)])
