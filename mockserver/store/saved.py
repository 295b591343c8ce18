"""What a checkpoint of a world holds, and where moments are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

import openapi
from mockserver.store.plain import plain_moment, plain_tallies, read, read_moment, read_tallies, written
from mockserver.store.schema import MOMENTS
from mockserver.worlds.metrics import Counted, Tallies
from mockserver.worlds.world import Moment

_FIND = select(MOMENTS.c.number, MOMENTS.c.content).where(
    MOMENTS.c.world == bindparam("world"), MOMENTS.c.name == bindparam("name")
)
_FORGET = delete(MOMENTS).where(MOMENTS.c.world == bindparam("of"), MOMENTS.c.name == bindparam("named"))


@dataclass(frozen=True, slots=True)
class Saved:
    """A world at one time, without the entries of its journal."""

    moment: Moment
    last_fault: int
    count: int
    """Of the entries of the journal ever written."""
    cleared_at: int
    snapshots: tuple[str, ...]
    last_snapshot: int
    tallies: Tallies
    counted_before: Counter[Counted]
    """What the tallies had when the world began anew."""
    past: Mapping[str, int]
    """The secrets that rows no longer have, each with the number of the last entry that may show it."""


def beginning(moment: Moment) -> Saved:
    """A world that begins with a moment."""
    return Saved(moment, 0, 0, 0, (), 0, Tallies(), Counter(), {})


def saved_bytes(saved: Saved) -> bytes:
    """What is saved, as bytes."""
    plain: dict[str, Any] = {each.name: getattr(saved, each.name) for each in fields(saved)}
    counted = [[*key, count] for key, count in saved.counted_before.items()]
    tallies = plain_tallies(saved.tallies)
    return written(plain | {"moment": plain_moment(saved.moment), "tallies": tallies, "counted_before": counted})


def read_saved(data: bytes, tables: Mapping[str, openapi.Columns], most_rows: int) -> Saved:
    """What such bytes say. Raises ExecutionError, ValueError, KeyError or TypeError for those of other tables."""
    found: dict[str, Any] = read(data)
    found["moment"] = read_moment(found["moment"], tables, most_rows)
    found["tallies"], found["snapshots"] = read_tallies(found["tallies"]), tuple(found["snapshots"])
    found["counted_before"] = Counter({tuple(key): count for *key, count in found["counted_before"]})
    return Saved(**found)


def find_moment(connection: Connection, world: int, name: str) -> tuple[int, bytes] | None:
    """The bytes that are kept under a name, and the number of the record after which the world was so."""
    found = connection.execute(_FIND, {"world": world, "name": name}).one_or_none()
    return None if found is None else (found.number, bytes(found.content))


def put_moment(connection: Connection, world: int, name: str, number: int, content: bytes) -> None:
    """Keeps bytes under a name, in place of others."""
    forget_moment(connection, world, name)
    connection.execute(insert(MOMENTS), {"world": world, "name": name, "number": number, "content": content})


def forget_moment(connection: Connection, world: int, name: str) -> None:
    """Forgets what is kept under a name."""
    connection.execute(_FORGET, {"of": world, "named": name})
