"""The replies of a contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import openapi
from mockserver.http.reply import JSON, LENGTH, Reply, encoded, head_of, page, problem, status_line
from mockserver.worlds.journal import Entry

SAFE = "/:{} ?&=+,;@!$'()*[]~"
_DATA = f"the data of {uuid4()}"


class Replies:
    """Serializes the replies of one contract: for each row and language, everything but the data is prepared once."""

    def __init__(self, contract: openapi.Contract) -> None:
        self.contract = contract
        self._writers: dict[tuple[int, str], Callable[[Any], Reply]] = {}

    def of(self, entry: Entry) -> Reply:
        """The reply of an entry."""
        decision, language = entry.decision, entry.call.language
        if (fault := entry.fault) is not None:
            reply = self._special(entry)
            return reply._replace(delay=fault.delay / 1000, dropped=fault.drop is not None)
        if decision is None:
            return self._special(entry)
        key = id(decision.rule), language
        write = self._writers.get(key)
        if write is None:
            write = self._writers[key] = self._writer(decision.rule, language)
        return write(decision.data)

    def _writer(self, rule: openapi.Rule, language: str) -> Callable[[Any], Reply]:
        def whole(data: Any) -> Reply:
            return _wire(rule, _written(rule, self.contract.body(rule, language, data)))

        blank, (status, headers, sample, *_) = whole(None), whole(_DATA)
        if rule.data is None:
            return lambda data: blank
        if sample.count(place := encoded(_DATA)) != 1 or headers[-1][0] != LENGTH:
            return whole
        (before, after), constant = sample.split(place), headers[:-1]
        head = head_of(status, [*constant, (LENGTH, "")]).removesuffix("\r\n")

        def around(data: Any) -> Reply:
            if data is None:
                return blank
            body = before + encoded(data) + after
            length = str(len(body))
            return Reply(status, [*constant, (LENGTH, length)], body, head=head and f"{head}{length}\r\n")

        return around

    def _special(self, entry: Entry) -> Reply:
        fault, rule = entry.fault, entry.rule
        if fault is not None and fault.page is not None:
            return page(fault.page)
        if rule is None or fault is None:
            return problem(entry.status or 500, str((entry.body or {}).get("detail", "")))
        body = entry.body
        if entry.decision is not None:
            body = self.contract.body(rule, entry.call.language, entry.decision.data)
        spoilt = fault.broken or fault.patch is not None
        return _wire(rule, fault.spoilt(body) if spoilt else _written(rule, body))


def _written(rule: openapi.Rule, body: Any) -> bytes:
    if rule.media is None or "json" in rule.media:
        return encoded(body)
    return b"" if body is None else str(body).encode("utf-8", "replace")


def _wire(rule: openapi.Rule, body: bytes) -> Reply:
    # A header is Latin-1, and an operationId may be anything.
    headers = [("Mock-Outcome", quote(rule.outcome, safe=SAFE))]
    if rule.media != "":
        headers.append(("Content-Type", rule.media or JSON))
    if rule.status not in (204, 304):
        headers.append((LENGTH, str(len(body))))
    return Reply(status_line(rule.status), headers, body)
