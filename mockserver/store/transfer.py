"""A world as a file, to take it to another store: state, clock, random generator, faults, snapshots and origin.

The file holds the secrets of the world. The journal and the metrics are not in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

import openapi
from mockserver.store.plain import FAULT, digest_of_tables, plain_moment, read_moment
from mockserver.store.saved import Saved
from mockserver.store.world import StoredWorld
from mockserver.worlds.clock import Clock
from mockserver.worlds.faults import MOST_FAULTS, Fault
from mockserver.worlds.metrics import Tallies
from mockserver.worlds.world import MOST_SNAPSHOTS, Moment, Origin, StoreProblem

FORMAT = 1
"""The version of such files."""
Imported = tuple[Origin, Saved, dict[str, Moment]]
"""The origin, the content and the snapshots of a world."""
LARGEST = 256 * 1024 * 1024
"""Bytes of such a file."""
KINDS: Mapping[str, tuple[type, ...]] = {
    "id": (int,), "operation": (str,), "times": (int,), "rate": (int, float), "outcome": (str,), "delay": (int,), "page": (int,),
    "drop": (str,), "broken": (bool,), "patch": (dict,),
}  # fmt: skip
"""The types of the parts of a fault that are there."""


def exported(world: StoredWorld) -> bytes:
    """A world as such a file. Raises NotStored."""
    moment, snapshots = world.everything()
    origin = world.origin
    own = origin.environ is not None
    data = {
        "mockserver world": FORMAT,
        "tables": digest_of_tables(world.contract.tables),
        "moment": plain_moment(moment),
        "last fault": world.faults.last,
        "snapshots": {name: plain_moment(each) for name, each in snapshots.items()},
        "origin": {
            "document": None if own else [origin.document.file, origin.document.data],
            "moment": None if origin.moment is None else plain_moment(origin.moment),
        },
    }
    return json.dumps(data).encode("ascii") + b"\n"


def imported(text: bytes, file: str, contract: openapi.Contract, own: Origin, most_rows: int) -> Imported:
    """The world in such a file. `own` is the origin of the default world.

    Raises StoreProblem where it is none, or one of another contract.
    """
    try:
        data = openapi.parse_json(text)
        if not isinstance(data, dict) or data.get("mockserver world") != FORMAT:
            raise ValueError(f'it has no `"mockserver world": {FORMAT}`')
        if data["tables"] != digest_of_tables(contract.tables):
            raise StoreProblem(
                f"{file}:1: is of a contract with other tables than {contract.file}; give the contract that it has"
            )
        moment = _moment(data["moment"], contract, most_rows)
        snapshots = {_snapshot(name): _moment(each, contract, most_rows) for name, each in data["snapshots"].items()}
        if len(snapshots) > MOST_SNAPSHOTS:
            raise ValueError(f"it has more than {MOST_SNAPSHOTS} snapshots")
        origin = _origin(data["origin"], contract, own, most_rows)
        last = max([int(data["last fault"]), *(each.id for each in moment.faults)])
    except (openapi.ExecutionError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, StoreProblem):
            raise
        raise StoreProblem(f"{file}:1: is no world that `mockserver export` wrote: {error}") from None
    number = max([0, *(int(name[1:]) for name in snapshots)])
    return origin, Saved(moment, last, 0, 0, tuple(snapshots), number, Tallies(), Counter(), {}), snapshots


def _origin(data: Any, contract: openapi.Contract, own: Origin, most_rows: int) -> Origin:
    moment = None if data["moment"] is None else _moment(data["moment"], contract, most_rows)
    if data["document"] is None:
        return own if moment is None else Origin(own.document, own.environ, moment)
    file, content = data["document"]
    return Origin(openapi.Document(str(file), content, {}), None, moment)


def _moment(data: Any, contract: openapi.Contract, most_rows: int) -> Moment:
    moment = read_moment(data, contract.tables, most_rows)
    _check_rows(moment.state)
    _check_clock(moment.clock)
    if len(moment.faults) > MOST_FAULTS:
        raise ValueError(f"it has more than {MOST_FAULTS} faults")
    for each in moment.faults:
        _check_fault(each)
    if not all(isinstance(each, str) for pair in moment.secrets.items() for each in pair):
        raise ValueError("its secrets are no texts")
    return moment


def _check_rows(state: openapi.State) -> None:
    for name, columns in state.tables.items():
        validator = jsonschema_rs.validator_for(dict(columns.schema))
        for row in state.rows(name):
            there = {column: value for column, value in row.items() if value is not None or column in columns.required}
            for error in validator.iter_errors(there):
                raise ValueError(f"a row of {name} is not valid: {error.message[:200]}")


def _check_clock(clock: Clock) -> None:
    if type(clock.ahead) is not int or type(clock.frozen_at) not in (int, type(None)):
        raise ValueError("its clock has no times in milliseconds")


def _check_fault(fault: Fault) -> None:
    for name in FAULT:
        value = getattr(fault, name)
        if value is not None and not isinstance(value, KINDS[name]):
            raise ValueError(f"the {name} of a fault is {value!r}")


def _snapshot(name: str) -> str:
    if not (name[:1] == "s" and name[1:].isascii() and name[1:].isdecimal() and len(name) < 10):
        raise ValueError(f"{name!r} is no name of a snapshot")
    return name
