"""The envelope: the JSON Pointers of the code, the message and the data in the body of a reply."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Envelope:
    """`code`, `message` and `data` are JSON Pointers, or None where there is no such part; `blank` is the body without them.

    `refusal` is what a body has besides where the outcome is not the success.
    """

    code: str | None
    message: str | None
    data: str | None
    blank: Any
    refusal: Any = None

    def body(self, code: Any, message: str, data: Any, more: Any = None, *, refusal: bool = False) -> Any:
        """The body of a reply, with `more` merged into it. Without a code and a message it has no place for one."""
        if self.data == "" and data is not None:
            return _merged(data, more)
        body = deepcopy(_merged(self.blank, self.refusal) if refusal else self.blank)
        said = message if message or code is not None else None
        for pointer, value in ((self.code, code), (self.message, said), (self.data, data)):
            if pointer and value is not None:
                _set(body, pointer, value)
        return _merged(body, more)

    def code_of(self, body: Any) -> Any:
        """The code in a decoded body, of any type; None where there is none."""
        return None if self.code is None else _get(body, self.code)

    def message_of(self, body: Any) -> Any:
        """The message in a decoded body; None where there is none."""
        return None if self.message is None else _get(body, self.message)

    def data_of(self, body: Any) -> Any:
        """The data in a decoded body; None where there is none."""
        return None if self.data is None else _get(body, self.data)


def _merged(body: Any, more: Any) -> Any:
    """The body with more in it; what is no object replaces what is there."""
    if more is None:
        return body
    if not isinstance(body, dict) or not isinstance(more, dict):
        return more
    return {**body, **{key: _merged(body.get(key), each) if each is not None else None for key, each in more.items()}}


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _get(body: Any, pointer: str) -> Any:
    for part in _parts(pointer):
        body = body.get(part) if isinstance(body, dict) else None
    return body


def _set(body: Any, pointer: str, value: Any) -> None:
    *parents, last = _parts(pointer)
    for part in parents:
        body = body.setdefault(part, {})
    body[last] = value
