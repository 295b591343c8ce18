"""Reads and writes HAR files, the recordings of browsers and proxies (HTTP Archive 1.2)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import openapi
from contracts.http.wire import FORM, JSON, Pairs, redact
from contracts.traffic.exchange import LARGEST_BODY, Exchange, NotJudged, decompressed, header, media_type

LARGEST_FILE = 256 * 1024 * 1024
"""Bytes."""
MOST_ENTRIES = 100_000
UNKNOWN = LARGEST_BODY + 1
"""The size of a body that was not kept."""
NAME, REDACTED = "contract-mock", "[redacted]"


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
        data = openapi.parse_json(text)
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


class _Hider:
    """Replaces secrets: known ones by their other names, and what is under a name that tells a secret."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def text(self, text: str) -> str:
        """A text with the known secrets replaced."""
        return redact(text, self._secrets)

    def named(self, name: str, value: str) -> str:
        """A value under a name; that of `token` is shown only if it has another name, or if it is none."""
        found = self.text(value)
        is_secret = found == value and openapi.tells_secret(name) and value.strip().lower() not in ("", "bearer", "basic")
        return REDACTED if is_secret else found

    def pairs(self, pairs: Pairs) -> list[dict[str, str]]:
        """Headers."""
        return [{"name": name, "value": self.named(name, value)} for name, value in pairs]

    def query(self, text: str) -> str:
        """A query or a form; unchanged where it has no secret."""
        found = parse_qsl(text, keep_blank_values=True)
        hidden = [(name, self.named(name, value)) for name, value in found]
        return text if hidden == found else urlencode(hidden)

    def body(self, body: bytes, headers: Pairs) -> str:
        """A body; unchanged where it has no secret."""
        text, media = body.decode("utf-8", "replace"), media_type(headers)
        if media == FORM:
            return self.query(text)
        try:
            found = openapi.parse_json(body) if media == JSON or media.endswith("+json") else None
        except ValueError:
            found = None
        hidden = self._value("", found)
        return self.text(text) if hidden == found else json.dumps(hidden, ensure_ascii=False)

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._value(key, each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(name, each) for each in value]
        return self.named(name, value) if isinstance(value, str) else value


def _entry(exchange: Exchange, base: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """An exchange as an entry."""
    hider = _Hider(secrets)
    query = f"?{hider.query(exchange.query)}" if exchange.query else ""
    sent, headers = _decompressed(exchange.body, exchange.headers)
    received, reply_headers = _decompressed(exchange.reply_body, exchange.reply_headers)
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": f"{base.rstrip('/')}{hider.text(exchange.path)}{query}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": hider.pairs(headers),
        "queryString": [],
        "headersSize": -1,
        "bodySize": len(sent or b""),
    }
    if sent:
        request["postData"] = {"mimeType": header(headers, "content-type"), "text": hider.body(sent, headers)}
    content = {"size": UNKNOWN if received is None else len(received), "mimeType": header(reply_headers, "content-type")}
    if received and not _is_text(received):
        content |= {"text": base64.b64encode(received).decode(), "encoding": "base64"}
    elif received is not None:
        content |= {"text": hider.body(received, reply_headers)}
    response = {
        "status": exchange.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": hider.pairs(reply_headers),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(received or b""),
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


def _decompressed(body: bytes | None, headers: Pairs) -> tuple[bytes | None, Pairs]:
    """A body and headers without Content-Encoding, if it is one that is read."""
    try:
        return (None if body is None else decompressed(body, headers)), _plain(headers)
    except NotJudged:
        return body, headers


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeError:
        return False
    return True
