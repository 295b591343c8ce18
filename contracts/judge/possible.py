"""The states in which the server may be: each with the readings of requests that led to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import openapi
from contracts.judge.views import Choice, View


@dataclass(frozen=True, slots=True)
class Possible:
    """A state in which the server may be, and the readings that led to it, as far as they are not certain."""

    state: openapi.State
    choices: tuple[Choice, ...] = ()

    def without(self, others: Iterable[Choice]) -> Possible:
        """This state without the readings that are others in these."""
        options = {each[:3]: each[3] for each in self.choices}
        contested = {each[:3] for each in others if options.get(each[:3], each[3]) != each[3]}
        left = tuple(each for each in self.choices if each[:3] not in contested)
        return self if not contested else replace(self, choices=left)

    def views(self, found: Iterable[View]) -> Iterator[View]:
        """The views of a request that a server in this state may have: those of the same readings, or all if there are none."""
        if not self.choices:
            yield from found
            return
        chosen = {(kind, operation, name): option for kind, operation, name, option in self.choices}
        views = list(found)
        alike = [view for view in views if all(chosen.get(choice[:3], choice[3]) == choice[3] for choice in view.choices)]
        for view in alike:
            yield replace(view, choices=tuple(dict.fromkeys((*view.choices, *self.choices))))
        if not alike:
            yield from views
