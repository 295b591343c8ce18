"""Where a generator's choices come from: a seeded source for speed, or Hypothesis, which can shrink what it chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices(Protocol):
    """What a generator asks. The first of several options, and no to a question of luck, are the simplest answers."""

    def choose(self, options: Sequence[T]) -> T:
        """One of the options."""

    def happens(self, percent: int) -> bool:
        """Whether something happens that happens in so many cases of a hundred."""


class Seeded:
    """Choices of a seeded generator: the same seed, the same choices."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def choose(self, options: Sequence[T]) -> T:
        """One of the options, each as likely as the others."""
        return options[int(self._random.random() * len(options))]

    def happens(self, percent: int) -> bool:
        """Whether something happens that happens in so many cases of a hundred."""
        return self._random.random() * 100 < percent


class Drawn:
    """Choices that Hypothesis draws, for a test that should shrink."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def choose(self, options: Sequence[T]) -> T:
        """One of the options; shrinks towards the first."""
        chosen: T = self._draw(st.sampled_from(options))
        return chosen

    def happens(self, percent: int) -> bool:
        """Whether something happens; shrinks towards no."""
        return bool(self._draw(st.integers(0, 99)) >= 100 - percent)
