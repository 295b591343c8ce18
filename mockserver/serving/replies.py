"""The replies of a contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import openapi
from mockserver.http.reply import BODILESS, JSON, LENGTH, Reply, encoded, head_of, page, problem, status_line
from mockserver.serving.media import written
from mockserver.worlds.journal import Entry
from mockserver.worlds.wish import NOTHING

SAFE = "/:{} ?&=+,;@!$'()*[]~"
NO_HEADERS: Mapping[str, str] = {}
Shown = openapi.Shown | openapi.Decision
Write = Callable[[Shown], Reply]
_DATA = f"the data of {uuid4()}"


class Replies:
    """Serializes the replies of one contract: for each row and language, everything but the data is prepared once."""

    def __init__(self, contract: openapi.Contract) -> None:
        self.contract = contract
        self._writers: dict[tuple[int, str], Write] = {}

    def of(self, entry: Entry) -> Reply:
        """The reply of an entry."""
        decision, language = entry.decision, entry.call.language
        if (fault := entry.fault) is not None:
            reply = self._special(entry)
            return reply._replace(delay=fault.delay / 1000, dropped=fault.drop is not None)
        if decision is None:
            return self._special(entry)
        if decision.rule.content is not None and entry.call.wish is not NOTHING:
            return _documented(decision.rule, *entry.call.wish.body(decision.rule.content))
        key = id(decision.rule), language
        write = self._writers.get(key)
        if write is None:
            write = self._writers[key] = self._writer(decision.rule, language)
        return write(decision)

    def _writer(self, rule: openapi.Rule, language: str) -> Write:
        if (content := rule.content) is not None:
            constant = _documented(rule, content.media_type, content.body)
            return lambda shown: constant

        def whole(shown: Shown) -> Reply:
            return _wire(rule, JSON, encoded(self.contract.body(rule, language, shown)), shown.headers)

        if rule.body is not None or rule.headers:
            return whole
        blank, (status, headers, sample, *_) = whole(openapi.NOTHING_SHOWN), whole(openapi.Shown(_DATA))
        if rule.data is None:
            return lambda shown: blank
        if sample.count(place := encoded(_DATA)) != 1 or headers[-1][0] != LENGTH:
            return whole
        (before, after), fixed = sample.split(place), headers[:-1]
        head = head_of(status, [*fixed, (LENGTH, "")]).removesuffix("\r\n")

        def around(shown: Shown) -> Reply:
            data = shown.data
            if data is None:
                return blank
            body = before + encoded(data) + after
            length = str(len(body))
            return Reply(status, [*fixed, (LENGTH, length)], body, head=head and f"{head}{length}\r\n")

        return around

    def _special(self, entry: Entry) -> Reply:
        fault, rule = entry.fault, entry.rule
        if fault is not None and fault.page is not None:
            return page(fault.page)
        if rule is None or fault is None:
            return problem(entry.status or 500, str((entry.body or {}).get("detail", "")))
        body, media, headers = entry.body, JSON, entry.headers or NO_HEADERS
        if rule.content is not None:
            media, body = entry.call.wish.body(rule.content)
        elif entry.decision is not None:
            body = self.contract.body(rule, entry.call.language, entry.decision)
        if fault.broken or fault.patch is not None:
            return _wire(rule, media, fault.spoilt(body), headers)
        return _documented(rule, media, body) if rule.content is not None else _wire(rule, media, encoded(body), headers)


def _documented(rule: openapi.Rule, media: str, body: Any) -> Reply:
    """A reply of an operation without a decision table; without a media type it has no body."""
    return _wire(rule, media, written(media, body) if media else b"")


def _wire(rule: openapi.Rule, media: str, body: bytes, more: Mapping[str, str] = NO_HEADERS) -> Reply:
    # A header is Latin-1, and an operationId may be anything.
    headers = [*(rule.content.headers if rule.content else more.items()), ("Mock-Outcome", quote(rule.outcome, safe=SAFE))]
    if rule.status in BODILESS:
        return Reply(status_line(rule.status), headers, b"")
    if media:
        headers.append(("Content-Type", media))
    headers.append((LENGTH, str(len(body))))
    return Reply(status_line(rule.status), headers, body)
