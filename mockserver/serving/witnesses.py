"""Witnesses: for each outcome the simplest request that produces it in a world, as JSON and as curl."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import openapi
from mockserver.serving.curl import curl


def witnesses(
    contract: openapi.Contract, state: openapi.State, now: int, base: str, secrets: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """By outcome: `request` and `curl`, or `unreachable` with the row that refuses it or the rows that are missing.

    `now` is epoch ms, `base` the URL before the paths of the contract. Secrets stand as their `${NAME}`.
    """
    found: dict[str, dict[str, Any]] = {}
    for operation in contract.operations.values():
        tried = list(openapi.classified(operation, state, now))
        reached = openapi.simplest(operation, tried)
        for outcome in operation.outcomes:
            witness = reached.get(outcome)
            if witness is None:
                found[outcome] = {"unreachable": openapi.unreachable(operation, outcome, tried)}
            else:
                request = _named(request_of(operation, openapi.sendable(operation, witness.raw, state, now), base), secrets)
                found[outcome] = {"request": request, "curl": curl(request, _quoted)}
    return found


def request_of(operation: openapi.Operation, raw: Mapping[str, Any], base: str) -> dict[str, Any]:
    """The request with these raw values: `method`, `url`, `headers`, and a JSON `body` if it has one."""
    parts = operation.sent(raw)
    headers = dict(parts.headers)
    query = f"?{urlencode(parts.query)}" if parts.query else ""
    request: dict[str, Any] = {"method": operation.method, "url": f"{base}{parts.path}{query}", "headers": headers}
    if (body := operation.json_body(parts.body)) is not None:
        headers["Content-Type"] = "application/json"
        request["body"] = body
    return request


def _named(value: Any, secrets: Mapping[str, str]) -> Any:
    """A value in which every secret, also in its URL spelling, is its `${NAME}`."""
    if isinstance(value, dict):
        return {name: _named(each, secrets) for name, each in value.items()}
    if isinstance(value, str):
        for secret in sorted(secrets, key=len, reverse=True):
            value = value.replace(secret, secrets[secret]).replace(quote(secret, safe=""), secrets[secret])
    return value


def _quoted(word: str) -> str:
    # `${NAME}` must stay open to the shell, so a word that holds one is in double quotes.
    if re.search(r"\$\{\w+\}", word):
        return '"' + re.sub(r'(["\\`]|\$(?!\{\w+\}))', r"\\\1", word) + '"'
    return shlex.quote(word)
