"""The request of a journal entry, to be sent again with curl."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import openapi
from mockserver.http.request import FORM, JSON, decoded
from mockserver.serving.curl import curl
from mockserver.worlds.journal import Call, Entry
from mockserver.worlds.redaction import REDACTED, Redaction

VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
"""The characters of a query that are left as they came."""


def curl_of(entry: Entry, base: str, redaction: Redaction) -> str | None:
    """The request of an entry as a curl line; None where its operation is gone, or the entry has only the beginning of it.

    `base` is the URL before the paths of the contract. Secrets are `[redacted]`.
    """
    operation = redaction.contract.operations.get(entry.call.operation)
    if operation is None or entry.text is not None:
        return None
    call = entry.call
    sent = operation.sent(redaction.parameters(operation, call.raw))
    query = _query(operation, call.query, redaction)
    headers = {name: str(value) for name, value in sent.headers} | _language(call, redaction.contract) | _wishes(call)
    url = _shown(f"{base}{sent.path}{'?' if query else ''}{query}")
    request: dict[str, Any] = {"method": call.method, "url": url, "headers": headers}
    if call.body:
        media, request["data"] = _body(operation, call.body, redaction)
        headers["Content-Type"] = media
    return curl(request)


def _query(operation: openapi.Operation, query: str, redaction: Redaction) -> str:
    shown = _redacted_pairs(operation, decoded(query), redaction)
    return quote(query, safe=VISIBLE, encoding="latin-1") if shown is None else shown


def _redacted_pairs(operation: openapi.Operation, text: str, redaction: Redaction) -> str | None:
    """A query or a form with its secrets redacted; None where it has none, and can be sent as it came."""
    pairs = parse_qsl(text, keep_blank_values=True)
    shown = [(name, value) for name, value in redaction.pairs(operation, pairs)]
    return None if shown == pairs else _shown(urlencode(shown, errors="replace"))


def _body(operation: openapi.Operation, body: str, redaction: Redaction) -> tuple[str, str]:
    """The media type and the text of a body. One that can be read as neither JSON nor a form may have a secret anywhere."""
    if operation.accepts_json or operation.reads_request:
        with suppress(ValueError, RecursionError):
            found = json.loads(body)
            shown = _properties(operation, found, redaction)
            return JSON, body if shown == found else json.dumps(shown, ensure_ascii=False)
    if operation.accepts_form:
        return FORM, _redacted_pairs(operation, body, redaction) or body
    return JSON, body if redaction.off else REDACTED


def _properties(operation: openapi.Operation, body: Any, redaction: Redaction) -> Any:
    credentials = {each.wire_name for each in operation.parameters if each.location == "body" and each.credential}
    shown = redaction(body)
    if isinstance(shown, dict) and not redaction.off:
        shown = {name: REDACTED if name in credentials else value for name, value in shown.items()}
    return shown


def _language(call: Call, contract: openapi.Contract) -> dict[str, str]:
    """The header that asks for another language than the first one, which a request gets without it."""
    name, first = contract.language_header, next(iter(contract.languages), "")
    return {name.title(): call.language} if name and call.language != first else {}


def _wishes(call: Call) -> dict[str, str]:
    wish = call.wish
    wanted = [f'{name}="{value}"' for name, value in (("code", wish.code), ("example", wish.example)) if value]
    found = {"Accept": wish.accept, "Prefer": ", ".join(wanted)}
    return {name: value for name, value in found.items() if value}


def _shown(text: str) -> str:
    """A URL or a form in which `[redacted]` can be read."""
    return text.replace(quote(REDACTED, safe=""), REDACTED)
