"""What a store keeps, as plain data and as bytes: clocks, random generators, faults, moments, metrics, documents.

Bytes are ASCII JSON, so that they hold every text that a request may contain; what is large is compressed.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Set
from random import Random
from struct import pack, unpack
from typing import Any

import openapi
from mockserver.worlds.clock import Clock
from mockserver.worlds.faults import Fault
from mockserver.worlds.metrics import Tallies
from mockserver.worlds.world import Moment

LARGE = 4096
"""Bytes from which plain data is compressed."""
LARGEST = 1024 * 1024 * 1024
"""Bytes of compressed data once it is read."""
WORDS = 624
"""Of the state of a random generator. They change together; between that only its position does."""
FAULT = ("id", "operation", "times", "rate", "outcome", "delay", "page", "drop", "broken", "patch")

Randomness = tuple[Any, ...]
"""What `Random.getstate` gives."""

_write = json.JSONEncoder(separators=(",", ":"), default=lambda value: _plain(value)).encode


def written(data: Any) -> bytes:
    """Plain data as bytes."""
    text = _write(data).encode("ascii")
    return zlib.compress(text, 1) if len(text) > LARGE else text


def read(data: bytes) -> Any:
    """The plain data of bytes. Raises ValueError."""
    data = bytes(data)
    if data[:1] == b"\x78":
        inflate = zlib.decompressobj()
        try:
            data = inflate.decompress(data, LARGEST)
        except zlib.error as error:
            raise ValueError(f"cannot be decompressed: {error}") from None
        if not inflate.eof:
            raise ValueError(f"is larger than {LARGEST} bytes, or is cut off")
    return json.loads(data)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, (Set, Iterable)) else str(value)


def digest(*data: Any) -> str:
    """A name of plain data that other data does not have."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


def digest_of_tables(tables: Mapping[str, openapi.Columns]) -> str:
    """A name of the tables that rows fit into; indexes are no part of it."""
    return digest(
        [
            [each.table, each.names, each.key, each.types, each.defaults, sorted(each.required)]
            for _, each in sorted(tables.items())
        ]
    )


def plain_random(state: Randomness, before: Randomness | None = None) -> list[Any]:
    """The state of a random generator; only its position if it has the words of the state `before`."""
    version, (*words, position), gauss = state
    if before is not None and before[1][:WORDS] == tuple(words):
        return [position, gauss]
    return [position, gauss, version, b64encode(pack(f">{WORDS}I", *words)).decode()]


def read_random(data: Iterable[Any], before: Randomness | None = None) -> Randomness:
    """The state of such data. Raises ValueError."""
    position, gauss, *rest = data
    if rest:
        version, text = rest
        words: tuple[int, ...] = unpack(f">{WORDS}I", b64decode(text, validate=True))
    elif before is not None:
        version, words = before[0], before[1][:WORDS]
    else:
        raise ValueError("a random generator without its words")
    state = (version, (*words, position), gauss)
    Random().setstate(state)  # raises ValueError
    return state


def plain_clock(clock: Clock) -> list[Any]:
    """A clock as plain data."""
    return [clock.ahead, clock.frozen_at]


def plain_fault(fault: Fault) -> dict[str, Any]:
    """A fault as plain data."""
    found: dict[str, Any] = {name: getattr(fault, name) for name in FAULT}
    return found | {"only": None if fault.only is None else sorted(fault.only)}


def read_fault(data: Mapping[str, Any]) -> Fault:
    """The fault of such data."""
    only = data["only"]
    return Fault(**{name: data[name] for name in FAULT}, only=None if only is None else frozenset(only))


def plain_moment(moment: Moment) -> dict[str, Any]:
    """A moment as plain data."""
    return {
        "state": openapi.plain_state(moment.state),
        "clock": plain_clock(moment.clock),
        "random": plain_random(moment.random),
        "faults": [plain_fault(each) for each in moment.faults],
        "secrets": dict(moment.secrets),
    }


def read_moment(data: Mapping[str, Any], tables: Mapping[str, openapi.Columns], most_rows: int) -> Moment:
    """The moment of such data. Raises ExecutionError, ValueError, KeyError or TypeError for data of other tables."""
    return Moment(
        openapi.read_state(data["state"], tables, most_rows),
        Clock(*data["clock"]),
        read_random(data["random"]),
        tuple(map(read_fault, data["faults"])),
        dict(data["secrets"]),
    )


def plain_tallies(tallies: Tallies) -> list[Any]:
    """Metrics as plain data."""
    return [[*key, each.seconds, each.buckets] for key, each in tallies.items()]


def read_tallies(data: Iterable[Any]) -> Tallies:
    """The metrics of such data."""
    found = Tallies()
    for operation, outcome, row, seconds, buckets in data:
        tally = found[operation, outcome, row]
        tally.seconds, tally.buckets = seconds, list(buckets)
    return found
