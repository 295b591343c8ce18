"""Reads and writes HAR files, the recordings of browsers and proxies (HTTP Archive 1.2)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import openapi
from contracts.http.json_text import parse
from contracts.http.wire import Pairs, redact
from contracts.traffic.exchange import LARGEST_BODY, Exchange, header

LARGEST_FILE = 256 * 1024 * 1024
"""Bytes."""
MOST_ENTRIES = 100_000
NAME, REDACTED = "contract-mock", "[redacted]"
_telling = re.compile(r"authorization|cookie|token|secret|passw|api[-_]?key", re.IGNORECASE).search


def read_har(file: str | Path, base: str = "") -> Iterator[Exchange]:
    """The exchanges of a HAR file in the order in which they were sent, with paths below the URL `base`.

    Those with another URL are left out. Raises InvalidDocument for a file that is none, and for an entry that is none.
    """
    entries = _entries(str(file))
    found = [_exchange(each, number, str(file), base) for number, each in enumerate(entries, 1)]
    yield from sorted((each for each in found if each is not None), key=lambda each: each.sent)


def write_har(file: Path, exchanges: Iterable[Exchange], base: str, secrets: Mapping[str, str]) -> None:
    """Writes exchanges, with secrets as their `${NAME}`. Raises OSError; a file that exists is replaced at the end."""
    entries = [_entry(each, base, secrets) for each in exchanges]
    data = {"log": {"version": "1.2", "creator": {"name": NAME, "version": version(NAME)}, "entries": entries}}
    new = file.with_suffix(".new")
    new.write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8", errors="replace")
    new.replace(file)


def _entries(file: str) -> list[Any]:
    try:
        with open(file, "rb") as stream:
            text = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise _invalid(file, f"cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(text) > LARGEST_FILE:
        raise _invalid(file, f"is larger than {LARGEST_FILE // 1024 // 1024} MiB")
    try:
        data = parse(text)
    except json.JSONDecodeError as error:
        raise openapi.InvalidDocument([openapi.Problem(file, error.lineno, f"is not JSON: {error.msg}")]) from None
    except ValueError as error:
        raise _invalid(file, f"is not JSON: {error}") from None
    log = data.get("log") if isinstance(data, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise _invalid(file, "is no HAR file", "write {log: {entries: [...]}}, as the network panel of a browser saves it")
    if len(entries) > MOST_ENTRIES:
        raise _invalid(file, f"has more than {MOST_ENTRIES} entries")
    return entries


def _invalid(file: str, what: str, hint: str = "") -> openapi.InvalidDocument:
    return openapi.InvalidDocument([openapi.Problem(file, 1, what, hint)])


def _exchange(entry: Any, number: int, file: str, base: str) -> Exchange | None:
    """One entry; None for one of another server."""
    try:
        request, reply = entry["request"], entry["response"]
        url, below = str(request["url"]), base.rstrip("/")
        if below and not url.startswith((f"{below}/", f"{below}?")) and url != below:
            return None
        parts = urlsplit(url[len(below) :] if below else url)
        sent = int(datetime.fromisoformat(entry["startedDateTime"]).timestamp() * 1000)
        status = int(reply["status"])
        content = reply.get("content") or {}
        return Exchange(
            method=str(request["method"]).upper(),
            path=parts.path or "/",
            query=parts.query,
            headers=_pairs(request.get("headers")),
            body=_posted(request.get("postData")),
            sent=sent,
            received=sent + max(0, int(entry.get("time") or 0)),
            status=status if 100 <= status <= 599 else 0,
            reply_headers=_plain(_pairs(reply.get("headers"))),
            reply_body=_content(content),
            why="" if status else str(reply.get("_error") or "no reply was recorded")[:200],
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _invalid(file, f"entry {number} is none: {type(error).__name__}: {str(error)[:100]}", "see HAR 1.2") from None


def _plain(headers: Pairs) -> Pairs:
    """Headers without Content-Encoding: a HAR file has the text after it."""
    return tuple((name, value) for name, value in headers if name.lower() != "content-encoding")


def _pairs(values: Any) -> Pairs:
    return tuple((str(each["name"]), str(each["value"])) for each in (values or ()))


def _posted(data: Any) -> bytes | None:
    if not data:
        return b""
    if isinstance(data.get("text"), str):
        text = data["text"].encode("utf-8", "replace")
        return text if len(text) <= LARGEST_BODY else None
    if data.get("params"):
        return urlencode(_pairs(data["params"])).encode()
    return b""


def _content(content: Mapping[str, Any]) -> bytes | None:
    text = content.get("text")
    if not isinstance(text, str):
        return b"" if not content.get("size") or int(content["size"]) <= 0 else None
    if content.get("encoding") != "base64":
        found = text.encode("utf-8", "replace")
    else:
        try:
            found = base64.b64decode(text, validate=True)
        except binascii.Error:
            return None
    return found if len(found) <= LARGEST_BODY else None


def _shown(name: str, value: str, secrets: Mapping[str, str]) -> str:
    """The value of a header. One whose name tells a secret is shown only if that secret has another name, or if it is none."""
    found = redact(value, secrets)
    is_secret = found == value and _telling(name) and value.strip().lower() not in ("", "bearer", "basic")
    return REDACTED if is_secret else found


def _entry(exchange: Exchange, base: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """An exchange as an entry."""

    def pairs(headers: Pairs) -> list[dict[str, str]]:
        return [{"name": name, "value": _shown(name, value, secrets)} for name, value in headers]

    query = f"?{exchange.query}" if exchange.query else ""
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": redact(f"{base.rstrip('/')}{exchange.path}{query}", secrets),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs(exchange.headers),
        "queryString": [],
        "headersSize": -1,
        "bodySize": len(exchange.body or b""),
    }
    if exchange.body:
        media = header(exchange.headers, "content-type")
        request["postData"] = {"mimeType": media, "text": redact(exchange.body.decode("utf-8", "replace"), secrets)}
    body = exchange.reply_body or b""
    response = {
        "status": exchange.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs(exchange.reply_headers),
        "content": {
            "size": len(body),
            "mimeType": header(exchange.reply_headers, "content-type"),
            "text": redact(body.decode("utf-8", "replace"), secrets),
        },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(body),
        **({"_error": exchange.why} if exchange.why else {}),
    }
    return {
        "startedDateTime": datetime.fromtimestamp(exchange.sent / 1000, UTC).isoformat(timespec="milliseconds"),
        "time": exchange.received - exchange.sent,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": exchange.received - exchange.sent, "receive": 0},
    }
