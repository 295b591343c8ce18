"""Texts from regular expressions by Hypothesis, always the same."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text; False for a pattern that Python does not read."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


@lru_cache(1000)
def matching(pattern: str, shortest: int, longest: int) -> str | None:
    """A text within these lengths that a pattern matches; None if none is found. The library is imported when it is needed."""
    from hypothesis import HealthCheck, Phase, given, seed, settings, strategies
    from hypothesis.errors import HypothesisException

    found: list[str] = []
    try:
        alphabet = strategies.characters(min_codepoint=32, max_codepoint=126)
        strategy = strategies.from_regex(re.compile(pattern), alphabet=alphabet)
    except (re.error, OverflowError, HypothesisException):
        return None

    @seed(0)
    @settings(max_examples=1, database=None, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy.map(str.strip).filter(lambda text: shortest <= len(text) <= longest))
    def generate(text: str) -> None:
        found.append(text)

    try:
        generate()
    except (HypothesisException, re.error):
        return None
    return found[0] if found and matches(pattern, found[0]) else None
