"""Times that a world file states relative to now: `now + 7d`.

A server that is reset may count them from then, or have those of its beginning again. Documents do not say which. So a reply that
the times of the beginning do not explain is also tried with those of the reset, before it counts as wrong. When a server counts
them is known no better than its clock.
"""

from __future__ import annotations

from collections.abc import Iterator

import openapi


class RelativeTimes:
    """The relative times of a world, and how much later they are if the last reset has counted them anew."""

    def __init__(self, initial: openapi.State) -> None:
        self._initial = initial
        self._rows = {
            name: {
                key: row for key, row in initial.table(name).items() if any(isinstance(each, openapi.Approximate) for each in row)
            }
            for name in initial.tables
        }
        self.later = 0
        """Milliseconds."""

    def anew(self, state: openapi.State, tolerance: int) -> Iterator[openapi.State]:
        """The states of the server with the relative times that nothing has changed, as the reset may have counted them.

        `tolerance` is by how many ms the server may have counted them earlier or later. There is none without a reset.
        """
        for error in (0, -tolerance, tolerance) if self.later else ():
            found = self._shifted(state, self.later + error)
            if found is not state:
                yield found

    def _shifted(self, state: openapi.State, by: int) -> openapi.State:
        found = state
        for name, rows in self._rows.items():
            for key, initial in rows.items():
                row = found.table(name).get(key)
                after = row and tuple(_later(value, before, by) for value, before in zip(row, initial, strict=True))
                if row is not None and after != row:
                    found = found.replace(name, row, after or ())
        return found


def _later(value: object, before: object, by: int) -> object:
    """A value that was `before` in the initial state, so many ms later if it is relative and nothing has changed it."""
    relative = isinstance(before, openapi.Approximate) and isinstance(value, openapi.Approximate) and value == before
    return openapi.Approximate(before + by) if relative and isinstance(before, int) else value
