"""The place of a user in a load test."""

from __future__ import annotations

from dataclasses import dataclass

import openapi
from contracts.http.target import Target


@dataclass(frozen=True, slots=True)
class Place:
    """A server, with a world of its own for one user."""

    world: openapi.World
    target: Target
    """Shares its turns with the targets of the other places."""
