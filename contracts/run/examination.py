"""An examination: every lane against one target, one oracle, one record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import openapi
from contracts.generate.aim import aimed
from contracts.generate.breadth import broad
from contracts.generate.choices import Seeded
from contracts.generate.draw import Drawer
from contracts.generate.undocumented import undocumented
from contracts.generate.walk import Walker
from contracts.http.target import Enough, Target, Unreachable
from contracts.http.wire import Request, request_for
from contracts.judge.clock import TOLERANCE, Clock
from contracts.judge.oracle import Oracle
from contracts.judge.record import Record
from contracts.judge.situations import branches
from contracts.run.deadline import Deadline
from contracts.run.session import Session

WALKS = 60
"""Walks of one examination."""
MORE_WALKS = 60
"""Walks that may follow to find a better sequence for a violation."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an examination does."""

    seed: int = 0
    aim: bool = True
    """Whether every row of the table gets its quota of requests."""
    breadth: bool = True
    """Whether Schemathesis generates requests too."""
    undocumented: bool = False
    """Whether requests are sent that the contract does not have, by another method or at another path."""
    walks: int = WALKS
    workers: int = 1
    strict_order: bool = False
    """Whether the order of the table is demanded."""
    stop_early: bool = False
    """Whether the first violation ends it."""
    required: frozenset[str] = frozenset()
    """Outcomes that must be verified."""
    thorough: bool = True
    """Whether every outcome that the world can reach must be."""
    tolerance: int = TOLERANCE
    """By how many ms the server's clocks may differ among themselves."""


def examine(
    contract: openapi.Contract,
    world: openapi.World,
    target: Target,
    plan: Plan | None = None,
    *,
    deadline: Deadline | None = None,
    watch: Callable[[Record], None] = lambda record: None,
) -> Record:
    """Sends every kind of request that the world allows, and judges each reply.

    Where the target is gone half-way, the record says so in `gone`.
    """
    plan = plan or Plan()
    session = open_session(contract, world, target, plan, deadline=deadline, watch=watch)
    try:
        state, now = session.oracle.state, session.now()
        walker = Walker(session, [Drawer(each, state, now) for each in contract.operations.values()])
        known = _cover(session, plan, walker)
        if plan.undocumented:
            for request in undocumented(contract, known):
                session.undocumented(request)
        if plan.breadth:
            broad(contract, session.one, known, plan.seed)
    except Enough:
        session.evidence.keep_the_best()
    except Unreachable as error:
        session.record.gone = str(error)
    return session.record


def open_session(
    contract: openapi.Contract,
    world: openapi.World,
    target: Target,
    plan: Plan,
    *,
    deadline: Deadline | None = None,
    watch: Callable[[Record], None] = lambda record: None,
) -> Session:
    """A session in which nothing has been sent yet."""
    clock = Clock(world, time.time_ns() // 1_000_000, plan.tolerance)
    oracle = Oracle(contract, world, clock, strict_order=plan.strict_order)
    operations = tuple(contract.operations.values())
    record = Record(
        tuple(outcome for each in operations for outcome in each.outcomes),
        world.secrets,
        target.base,
        frozenset(each.success.outcome for each in operations),
        plan.required,
        plan.seed,
        plan.thorough,
    )
    return Session(oracle, target, record, workers=plan.workers, stop_early=plan.stop_early, deadline=deadline, watch=watch)


def _cover(session: Session, plan: Plan, walker: Walker) -> dict[str, dict[str, str]]:
    """What changes nothing first, while the world is as it was; then walks; then the rest. Gives a success of each operation."""
    contract, record = session.contract, session.record
    state, now = session.oracle.state, session.now()
    candidates = {each.name: list(openapi.classified(each, state, now)) for each in contract.operations.values()}
    seen = [each.seen for found in candidates.values() for each in found if each.seen.answer is each.seen.success]
    record.branches |= {branch: False for each in seen for branch in branches(each)}
    successes: dict[str, dict[str, str]] = {}
    for operation in contract.operations.values():
        reached = openapi.simplest(operation, candidates[operation.name])
        record.blocked |= {each: openapi.unreachable(operation, each) for each in operation.outcomes if each not in reached}
        for outcome, each in reached.items():
            if outcome == operation.success.outcome:
                successes[operation.name] = each.raw
            else:
                session.many(_in_each_language(contract, request_for(operation, each.raw)))
    calm, lively = (_aimed(contract, candidates, plan, changing) for changing in (False, True))
    session.many(calm)
    for number in range(plan.walks + MORE_WALKS):
        if number < plan.walks or (plan.walks and session.seeking):
            walker.walk(Seeded(f"{plan.seed}/{number}"))
    for operation in contract.operations.values():
        _branch_out(session, candidates[operation.name])
    session.many(lively)
    return successes


def _in_each_language(contract: openapi.Contract, request: Request) -> Iterator[Request]:
    """A request, and the same in each language that messages have besides the first."""
    yield request
    for language in contract.languages[1:] if contract.language_header else ():
        yield replace(request, headers=(*request.headers, (contract.language_header or "", language)))


def _aimed(
    contract: openapi.Contract, candidates: Mapping[str, list[openapi.Candidate]], plan: Plan, changing: bool
) -> Iterator[Request]:
    """A quota of requests for each row, of those that may change something or of the others."""
    for each in contract.operations.values() if plan.aim else ():
        yield from aimed(each, (found for found in candidates[each.name] if found.seen.may_change is changing), plan.seed)


def _branch_out(session: Session, candidates: list[openapi.Candidate]) -> None:
    """Makes an operation succeed in every branch that it has in the state that has been reached."""
    for each in sorted(candidates, key=lambda each: each.cost):
        operation = each.seen.scope.operation
        if each.seen.answer is each.seen.success:
            request = request_for(session.contract.operations[operation.name], each.raw)
            seen = session.expect(request)
            if seen.answer is seen.success and session.situations.open(seen):
                session.one(request)
