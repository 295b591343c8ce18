"""Bodies in the format of their media type."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from mockserver.http.reply import encoded
from mockserver.http.request import FORM

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json-seq")
EVENTS = "text/event-stream"


def written(media_type: str, body: Any) -> bytes:
    """A body as bytes. A text is taken as one that has the format already, but not where the format is JSON."""
    name = media_type.partition(";")[0].strip().lower()
    if name.endswith(("/json", "+json")):
        return encoded(body)
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    if name in LINES:
        return b"".join(encoded(each) + b"\n" for each in (body if isinstance(body, list) else [body]))
    if name == EVENTS:
        return b"".join(b"data: " + encoded(each) + b"\n\n" for each in (body if isinstance(body, list) else [body]))
    if name == FORM and isinstance(body, dict):
        return urlencode({key: _text(each) for key, each in body.items()}).encode()
    return b"" if body is None else encoded(body)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else encoded(value).decode()
