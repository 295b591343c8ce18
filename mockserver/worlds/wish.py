"""What a request asks for besides its operation: `Prefer: code=404, example=NAME`, and a media type by `Accept`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

import openapi
from mockserver.http.request import Environ
from mockserver.worlds.faults import UnknownOutcome, rule_for

_code, _example = (re.compile(rf'(?:^|[,;\s]){word}\s*=\s*(?:"([^"]*)"|([^\s,;"]+))').search for word in ("code", "example"))


@dataclass(frozen=True, slots=True)
class Wish:
    """What one request asks for; None where it asks for nothing."""

    code: str | None = None
    """An outcome."""
    example: str | None = None
    """The name of an example."""
    accept: str | None = None
    """The header Accept."""

    def body(self, content: openapi.Content) -> tuple[str, Any]:
        """The media type and the body of a documented reply that fit best. There is always one: a client may take another."""
        media = self._media_type(content)
        examples = content.bodies.get(media, {})
        if self.example is not None and self.example in examples:
            return media, examples[self.example]
        return media, next(iter(examples.values()), None)

    def _media_type(self, content: openapi.Content) -> str:
        able = [name for name, examples in content.bodies.items() if self.example is None or self.example in examples]
        if content.media_type in able:
            able.sort(key=content.media_type.__ne__)
        if self.accept is None or not able:
            return able[0] if able else content.media_type
        plain = {name.partition(";")[0].strip().lower(): name for name in reversed(able)}
        best = parse_accept_header(self.accept, MIMEAccept).best_match([name.partition(";")[0].strip().lower() for name in able])
        return plain[best] if best is not None else able[0]


NOTHING = Wish()


def wish_of(environ: Environ, operation: openapi.Operation) -> Wish:
    """Raises UnknownOutcome for an outcome or an example that the operation does not have."""
    prefer = environ.get("HTTP_PREFER")
    plain = operation.success.content is not None
    if prefer is None and not (plain and "HTTP_ACCEPT" in environ):
        return NOTHING
    code, example = (_named(find(prefer or "")) for find in (_code, _example))
    rule = rule_for(operation, code) if code is not None else operation.success
    if example is not None:
        known = rule.content.names if rule.content else ()
        if example not in known:
            hint = openapi.nearest(example, known) if known else "its document names none"
            raise UnknownOutcome(f"{rule.outcome} has no example {example} ({hint})")
    return Wish(code, example, environ.get("HTTP_ACCEPT") if plain else None)


def _named(match: re.Match[str] | None) -> str | None:
    return (match[1] or match[2]) if match else None
