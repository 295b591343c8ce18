"""Sources of random choices for the generators: a seeded one, which is fast, and Hypothesis, which can shrink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices(Protocol):
    """A source of random choices. The first option and False are the simplest choices; shrinking goes towards them."""

    def choose(self, options: Sequence[T]) -> T:
        """One of the options."""

    def happens(self, percent: int) -> bool:
        """True with a probability of `percent`/100."""


class Seeded:
    """Pseudo-random choices; they depend on the seed alone."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def choose(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self._random.random() * len(options))]

    def happens(self, percent: int) -> bool:
        """True with a probability of `percent`/100."""
        return self._random.random() * 100 < percent


class Drawn:
    """Choices drawn by Hypothesis, for tests that shrink their input."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def choose(self, options: Sequence[T]) -> T:
        """One of the options; shrinks towards the first one."""
        chosen: T = self._draw(st.sampled_from(options))
        return chosen

    def happens(self, percent: int) -> bool:
        """True with a probability of about `percent`/100; shrinks towards False."""
        return bool(self._draw(st.integers(0, 99)) >= 100 - percent)
