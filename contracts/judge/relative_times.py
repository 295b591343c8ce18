"""Times that a world file states relative to now: `now + 7d`.

A server that is reset may count them from then, or have those of its beginning again. Documents do not say which. So a reply that
the times of the beginning do not explain is also tried with those of the reset, before it counts as wrong.
"""

from __future__ import annotations

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

    def anew(self, state: openapi.State) -> openapi.State | None:
        """A state of the server with the relative times that nothing has changed, as the reset has counted them; None without."""
        found = state
        for name, rows in self._rows.items() if self.later else ():
            for key, initial in rows.items():
                row = found.table(name).get(key)
                after = row and tuple(self._later(value, before) for value, before in zip(row, initial, strict=True))
                if row is not None and after != row:
                    found = found.replace(name, row, after or ())
        return None if found is state else found

    def _later(self, value: object, before: object) -> object:
        """A value of a row that was `before` in the initial state."""
        relative = isinstance(before, openapi.Approximate) and isinstance(value, openapi.Approximate) and value == before
        return openapi.Approximate(before + self.later) if relative and isinstance(before, int) else value
