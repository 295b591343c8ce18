"""Times `decide()`: `python bench/decide.py` prints µs for a full success path and for a refusal, and their ratio."""

from __future__ import annotations

import random
from pathlib import Path
from timeit import repeat

import openapi

NOW = 1_760_000_000_000
ROUNDS, CALLS = 15, 1000


def main() -> None:
    """Medians of interleaved rounds."""
    contract = openapi.load()
    operation = contract.operations["shareInfo"]
    world = openapi.load_world(Path(openapi.__file__).parent / "worlds" / "demo.yaml", contract, NOW, {})
    witnesses, generator, states = openapi.witnesses(operation, world.state, NOW), random.Random(1), [world.state]

    def success() -> None:
        states[0] = openapi.decide(operation, witnesses["shareInfo/200"], states[0], NOW, generator).state

    def refusal() -> None:
        openapi.decide(operation, witnesses["shareInfo/5067"], world.state, NOW, generator)

    one, other = (sorted(repeat(each, number=CALLS, repeat=ROUNDS))[ROUNDS // 2] / CALLS * 1e6 for each in (success, refusal))
    print(f"success {one:.1f} µs, refusal {other:.1f} µs, ratio {one / other:.1f}")


if __name__ == "__main__":
    main()
