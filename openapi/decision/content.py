"""The documented reply of an operation without a decision table: its headers, and its bodies by media type and example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT = "default"


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """One of the `responses` of an operation."""

    key: str
    """Its key in the document: a status, a range such as `4XX`, or `default`."""
    headers: tuple[tuple[str, str], ...]
    bodies: Mapping[str, Mapping[str, Any]]
    """For each media type the examples by name, the first of each is the one to send; empty for a reply without a body."""

    def covers(self, status: int) -> bool:
        """Whether it documents a status, if no more exact key does."""
        return self.key in (DEFAULT, str(status), f"{status // 100}XX")

    @property
    def media_type(self) -> str:
        """The media type to send unless another one is asked for: JSON, or else the first; empty without a body."""
        return next((name for name in self.bodies if "json" in name), next(iter(self.bodies), ""))

    @property
    def body(self) -> Any:
        """The body to send unless another one is asked for; None without one."""
        return next(iter(self.bodies[self.media_type].values())) if self.bodies else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its examples."""
        return tuple(dict.fromkeys(name for examples in self.bodies.values() for name in examples if name))
