"""Times `decide()`: `python -m bench decide` prints µs for full success paths and for a refusal.

It measures processor time in interleaved rounds, and prints medians.
"""

from __future__ import annotations

import gc
import random
import time
from pathlib import Path
from statistics import median

import openapi

NOW = 1_760_000_000_000
ROUNDS, CALLS = 40, 500
RAW = {"token": "demo-token-alice", "pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(NOW + 1000)}
FULL = RAW | {"sharingExpireAt": str(NOW + 2000), "authKey": "a-key"}
REQUESTS = {
    "success that replaces a share": FULL | {"coverMark": "1"},
    "success beside a share": FULL | {"coverMark": "2"},
    "success with the fewest parameters": RAW,
    "refusal": {name: value for name, value in RAW.items() if name != "dk"},
}


def main() -> None:
    """Prints medians of interleaved rounds."""
    contract = openapi.load()
    operation, chance = contract.operations["shareInfo"], random.Random(1)
    world = openapi.load_world(Path(openapi.__file__).parent / "worlds" / "demo.yaml", contract, NOW, {})
    states, spent = dict.fromkeys(REQUESTS, world.state), {name: [] for name in REQUESTS}  # type: ignore[var-annotated]
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        for name, raw in REQUESTS.items():
            started = time.process_time()
            for _ in range(CALLS):
                states[name] = openapi.decide(operation, raw, states[name], NOW, chance).state
            spent[name].append((time.process_time() - started) / CALLS * 1e6)
    for name, each in spent.items():
        print(f"{name}: {median(each):.1f} µs")


if __name__ == "__main__":
    main()
