"""An examination: both lanes against one target, one oracle, one record."""

from __future__ import annotations

import time

import openapi
from contracts._aim import aimed
from contracts._breadth import broad
from contracts._oracle import VIOLATION, Oracle, Verdict
from contracts._report import Record
from contracts._target import Broken, Target
from contracts._wire import Request, request_for


def examine(contract: openapi.Contract, world: openapi.World, target: Target, *, seed: int = 0, breadth: bool = True) -> Record:
    """Sends every kind of request that the world allows, and judges each reply."""
    started = time.monotonic()
    oracle = Oracle(contract, world)
    operations = tuple(contract.operations.values())
    record = Record(tuple(outcome for each in operations for outcome in each.outcomes), world.secrets, target.base)
    known: dict[str, dict[str, str]] = {}

    def use(request: Request) -> None:
        if not target.exhausted:
            _judge(request, target, oracle, record)

    # Each refusal once, before anything is used up; then each success; then many of each, from what is true by then.
    for operation in operations:
        reached = openapi.witnesses(operation, world.state, world.now)
        lacking = {each: openapi.unreachable(operation, each) for each in operation.outcomes if each not in reached}
        record.blocked.update(lacking)
        known[operation.name] = reached.pop(operation.success.outcome, {})
        for raw in reached.values():
            use(request_for(operation, raw))
    for operation in operations:
        for raw in openapi.witnesses(operation, oracle.state, world.now).values():
            use(request_for(operation, raw))
    for operation in operations:
        for request in aimed(operation, oracle.state, world.now, seed):
            use(request)
    if breadth:
        broad(contract, known, use, seed)
    record.requests, record.seconds = target.sent, time.monotonic() - started
    return record


def _judge(request: Request, target: Target, oracle: Oracle, record: Record) -> None:
    try:
        reply = target.send(request)
    except Broken as error:
        record.add(request, str(error), _silent(request, oracle, str(error)))
        return
    record.add(request, reply.text(), oracle.judge(request, reply))


def _silent(request: Request, oracle: Oracle, error: str) -> Verdict:
    operation = oracle.contract.operations[request.operation]
    return Verdict(VIOLATION, operation.success.outcome, error, f"{operation.name}: every request gets a reply")
