"""Requests as curl lines for a shell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_control = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
Quote = Callable[[str], str]


def curl(request: Mapping[str, Any], quote: Quote | None = None) -> str:
    """One line that sends a request: `method`, `url`, `headers`, and a body as JSON in `body` or as text in `data`.

    `quote` writes a word for the shell; without it nothing in a word is left for the shell to read.
    """
    return " ".join(map(quote or quoted, _words(request)))


def _words(request: Mapping[str, Any]) -> Iterator[str]:
    method, url = request["method"], request["url"]
    yield from ("curl", "-sS", *(("-I",) if method == "HEAD" else ("-X", method)))
    if any(each in url for each in "[]{}"):
        yield "-g"  # or curl would read them as a list of URLs
    yield url
    for name, value in request["headers"].items():
        yield from ("-H", f"{name}: {value}" if value else f"{name};")  # `name:` would remove the header
    if "body" in request:
        yield from ("--data", json.dumps(request["body"], ensure_ascii=False))
    elif request.get("data"):
        yield from ("--data-raw", request["data"])  # a text that begins with @ is no file


def quoted(word: str) -> str:
    """A word for the shell, on one line whatever is in it."""
    if _control.search(word) is None:
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{_control.sub(_escaped, escaped)}'"


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in match[0].encode())
