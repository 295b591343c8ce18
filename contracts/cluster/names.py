"""What a request of one world is in another one of the same pool: worlds of a template differ in names of accounts and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from contracts.http.wire import Request

Pairs = tuple[tuple[str, str], ...]
"""A text of one world, and the one that stands in its place in the other."""


def differences(first: Any, other: Any) -> Pairs:
    """The texts that differ between two worlds, from their data. None where they are not of one shape.

    A text that stands for two in the other world is left out.
    """
    found = list(_differences(first, other))
    if None in found:
        return ()
    pairs = dict.fromkeys(each for each in found if each is not None)
    ones, others = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    return tuple(pair for pair in pairs if ones[pair[0]] == others[pair[1]] == 1)


def _differences(first: Any, other: Any) -> Iterator[tuple[str, str] | None]:
    """The texts that differ, and None where the worlds have different shapes."""
    if isinstance(first, dict) and isinstance(other, dict) and first.keys() == other.keys():
        for key in first:
            yield from _differences(first[key], other[key])
    elif isinstance(first, list) and isinstance(other, list) and len(first) == len(other):
        for one, two in zip(first, other, strict=True):
            yield from _differences(one, two)
    elif isinstance(first, (dict, list)) or isinstance(other, (dict, list)):
        yield None
    elif first != other:
        yield str(first), str(other)


class Names:
    """Translates the texts of requests between the first world of a pool and another one."""

    def __init__(self, pairs: Pairs) -> None:
        self._there, self._back = dict(pairs), {two: one for one, two in pairs}

    def there(self, request: Request) -> Request:
        """A request for the first world as one for the other."""
        return request.map(lambda text: _translated(text, self._there)) if self._there else request

    def back(self, request: Request) -> Request:
        """A request for the other world as one for the first."""
        return request.map(lambda text: _translated(text, self._back)) if self._back else request


def _translated(text: str, known: dict[str, str]) -> str:
    """A text, or what stands after its prefix, such as `Bearer `."""
    prefix, space, rest = text.rpartition(" ")
    return known.get(text) or prefix + space + known.get(rest, rest)
