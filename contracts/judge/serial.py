"""Requests at the same time: whether one after the other, in some order, explains their replies.

A server that handles each request as a whole gives such replies, whatever the order (it is linearizable). The orders are tried
set by set: the states that are possible after a set of requests follow from those after its subsets, so that six requests need
64 sets and not 720 orders. A request whose reply says that it has changed nothing fits in wherever its reply is explained. A
request that was answered before another one was sent comes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import openapi
from contracts.http.wire import Reply, Request
from contracts.judge.doubt import RULE
from contracts.judge.journal import LostReply
from contracts.judge.oracle import Oracle, Way
from contracts.judge.possible import Possible
from contracts.judge.verdict import KINDS, NOTE, UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Verdict

MOST_PATHS = 100
"""The most states that are followed for one set of requests."""

Sent = tuple[Request, Reply | LostReply]
Row = tuple[Any, ...] | None
Key = tuple[str, Any]
"""A table and the key of a row."""
Entry = tuple[str, Any, Any]
"""The name of an index, the values under which it holds a row, and the key of the row."""


@dataclass(frozen=True, slots=True)
class Path:
    """Some of the requests in an order that explains their replies, and the state of the server then."""

    start: Possible
    after: Possible
    judged: dict[int, Judgement] = field(default_factory=dict)
    """By the number of the request, in this order."""
    changed: dict[Key, tuple[Row, Row]] = field(default_factory=dict)
    """The rows before and now."""
    entered: tuple[Entry, ...] = ()
    """The rows that are under other values of an index now, the newest last."""

    @property
    def weight(self) -> tuple[int, int]:
        """The mildest path has the smallest one."""
        kinds = [KINDS.index(each.verdict.kind) for each in self.judged.values()]
        return max(kinds, default=0), sum(kinds)

    @property
    def state_key(self) -> tuple[Any, ...]:
        """Equal for paths with the same requests that result in the same state.

        A lookup may want the newest row, so the order in which rows have entered an index counts.
        """
        rows = frozenset((*key, now) for key, (before, now) in self.changed.items() if before != now)
        orders: dict[tuple[str, Any], list[Any]] = {}
        for index, values, key in self.entered:
            orders.setdefault((index, values), []).append(key)
        ordered = frozenset((*where, tuple(keys)) for where, keys in orders.items())
        return id(self.start.state), self.after.choices, frozenset(self.judged), rows, ordered

    def then(self, number: int, way: Way) -> Path:
        """This path with one more request, or with another judgement on one that changes nothing."""
        changed, entered = dict(self.changed), self.entered
        for each in way.judgement.changes:
            key = each.columns.table, each.key
            changed[key] = (changed[key][0] if key in changed else each.before), each.after
            entered = (*_left(entered, each), *_entering(each))
        before = {other: judged for other, judged in self.judged.items() if other != number}
        return Path(self.start, way.after, {**before, number: way.judgement}, changed, entered)


@dataclass(frozen=True, slots=True)
class Together:
    """The judgement on requests at the same time."""

    judgements: tuple[Judgement, ...]
    """On each request, in the order in which they were given."""
    verdict: Verdict | None = None
    """A violation if no order explains the replies; a note if an order does that is only permitted."""


def judge_together(oracle: Oracle, sent: Sequence[Sent]) -> Together:
    """Judges requests that were sent at the same time, and updates the possible states. Raises InvalidReply."""
    for _, answer in sent:
        if isinstance(answer, Reply):
            oracle.clock.read(answer)
    oracle.expect_requests(len(sent))
    paths, all_of_them = _paths(oracle, sent, oracle.possible)
    if not _whole(paths, sent) and (anew := oracle.possible_anew()):
        paths_anew, all_anew = _paths(oracle, sent, anew)
        if not all_anew or _whole(paths_anew, sent):
            paths, all_of_them = paths_anew, all_anew
    unsure = not all_of_them or any(oracle.is_unsure_of(request, answer.sent) for request, answer in sent)
    whole = _whole(paths, sent)
    if whole:
        oracle.become(each.after for each in _distinct(whole))
        return Together(_in_given_order(whole[0]), None if unsure else _note(whole[0]))
    longest = max(len(each.judged) for each in paths)
    best = min((each for each in paths if len(each.judged) == longest), key=lambda each: each.weight)
    broken = _violated(oracle, sent, best)
    oracle.become(
        (each.after for each in _distinct(each for each in paths if len(each.judged) == longest)),
        [change for path in paths for each in path.judged.values() for change in each.changes],
    )
    return unknown(oracle, sent) if unsure else replace(unknown(oracle, sent, VIOLATION), verdict=broken)


def unknown(oracle: Oracle, sent: Sequence[Sent], kind: str = UNEXPLAINED) -> Together:
    """Nobody knows what the server has done: all that it may have changed is uncertain."""
    judgements, changes = [], list[openapi.Change]()
    for request, answer in sent:
        expected = oracle.expect(request, answer.sent).answer
        got = answer.why if isinstance(answer, LostReply) else oracle.outcome(request, answer)
        verdict = Verdict(kind, expected.outcome, got, RULE)
        judgements.append(Judgement(verdict, expected.number))
        changes += oracle.conceivable(request, got, answer.sent, answer.received)
    oracle.become(oracle.possible, changes)
    return Together(tuple(judgements))


def after(broken: Verdict) -> Verdict:
    """A violation of a request after a burst, as one of the burst: no order of it leaves a state that explains the reply."""
    rule = f"{_operation(broken)} after requests at the same time: the state is one that some order of them leaves"
    return replace(broken, rule=rule, detail=_sentence(broken))


def _violated(oracle: Oracle, sent: Sequence[Sent], path: Path) -> Verdict:
    """The violation where no order is longer than this one."""
    left = [(request, answer) for number, (request, answer) in enumerate(sent) if number not in path.judged]
    request, reply = next((request, answer) for request, answer in left if isinstance(answer, Reply))
    broken = oracle.objection(path.after, request, reply)
    rule = f"{request.operation} at the same time as others: {_invariant(oracle.contract.operations[request.operation], broken)}"
    return replace(broken, rule=rule, detail=_sentence(broken), reason=f"{_order(path.judged.values())}{broken.reason}")


def _order(judged: Iterable[Judgement]) -> str:
    done = ", ".join(each.verdict.got for each in judged)
    return f"in the order {done}, then this: " if done else ""


def _invariant(operation: openapi.Operation, broken: Verdict) -> str:
    """What holds where requests are handled one after the other, and was broken here."""
    success = operation.success
    if broken.got == success.outcome and not success.effects:
        return "a read sees all of another request or nothing of it"
    if broken.got == success.outcome == broken.outcome and success.mint:
        return f"each gets a {', '.join(name for name, _ in success.mint)} of its own"
    if broken.got == success.outcome:
        return "where one succeeds, the other is refused"
    return "some order of them explains every reply"


def _operation(verdict: Verdict) -> str:
    return verdict.outcome.partition("/")[0]


def _sentence(broken: Verdict) -> str:
    return broken.sentence if broken.detail else f"{broken.rule}, not {broken.got}"


def _note(path: Path) -> Verdict | None:
    """The note on the first request that an assumed row should have refused, and that was not answered so."""
    every = list(path.judged.values())
    for position, judged in enumerate(every):
        verdict, seen = judged.verdict, judged.seen
        if verdict.kind == NOTE and seen is not None and seen.answer.kind == openapi.ASSUMED:
            rule = f"{_operation(verdict)} at the same time as others: each is answered as in some order"
            return replace(verdict, rule=rule, detail=_sentence(verdict), reason=f"{_order(every[:position])}{verdict.reason}")
    return None


def _entering(change: openapi.Change) -> Iterator[Entry]:
    """The indexes in which a change puts its row under other values."""
    before, after = change.before, change.after
    for index in change.columns.compiled_indexes:
        values = None if after is None else index.values(after)
        if values is not None and (before is None or index.values(before) != values):
            yield index.name, values, change.key


def _left(entered: tuple[Entry, ...], change: openapi.Change) -> Iterator[Entry]:
    """The entries that a change leaves: those of other rows, and of its row where it keeps its values."""
    indexes = {each.name: each for each in change.columns.compiled_indexes}
    for name, values, key in entered:
        other = name not in indexes or key != change.key
        if other or (change.after is not None and indexes[name].values(change.after) == values):
            yield name, values, key


def _distinct(paths: Iterable[Path]) -> Iterator[Path]:
    return iter({each.state_key: each for each in paths}.values())


def _in_given_order(path: Path) -> tuple[Judgement, ...]:
    return tuple(judged for _, judged in sorted(path.judged.items()))


def _whole(paths: Iterable[Path], sent: Sequence[Sent]) -> list[Path]:
    """The paths that have all requests, the mildest first."""
    return sorted((each for each in paths if len(each.judged) == len(sent)), key=lambda each: each.weight)


def _paths(oracle: Oracle, sent: Sequence[Sent], possible: Iterable[Possible]) -> tuple[list[Path], bool]:
    """The paths from possible states, of each set of requests that some order explains; whether these are all.

    There is one for each state that is possible after the set.
    """
    quiet = [number for number, each in enumerate(sent) if _is_quiet(oracle, *each)]
    loud = [number for number in range(len(sent)) if number not in quiet]
    starts = (_with_quiet(oracle, sent, quiet, Path(each, each)) for each in possible)
    found = {frozenset[int](): {path.state_key: path for path in starts}}
    for size in range(len(loud)):
        for done in map(frozenset, combinations(loud, size)):
            for path in list(found.get(done, {}).values())[:MOST_PATHS]:
                for number in loud:
                    if number not in done and _may_be_next(number, path, sent):
                        for way in _ways(oracle, path.after, number, *sent[number]):
                            longer = _with_quiet(oracle, sent, quiet, path.then(number, way))
                            known = found.setdefault(done | {number}, {})
                            milder = known.get(longer.state_key)
                            if milder is None or longer.weight < milder.weight:
                                known[longer.state_key] = longer
    all_of_them = all(len(paths) <= MOST_PATHS for paths in found.values())
    return [path for paths in found.values() for path in paths.values()], all_of_them


def _is_quiet(oracle: Oracle, request: Request, answer: Reply | LostReply) -> bool:
    """Whether an answer says that its request has changed nothing."""
    if isinstance(answer, LostReply):
        return False
    got = oracle.outcome(request, answer)
    return not any(rule.effects for rule in oracle.contract.operations[request.operation].rules if rule.outcome == got)


def _with_quiet(oracle: Oracle, sent: Sequence[Sent], quiet: list[int], path: Path) -> Path:
    """A path with the requests that change nothing and may come now: as early as possible, and as expected if possible."""
    for number in sorted(quiet, key=lambda number: sent[number][1].received):
        known = path.judged.get(number)
        placed = _may_be_next(number, path, sent) if known is None else _may_be_last(number, path, sent)
        if placed and (known is None or known.verdict.kind != VERIFIED):
            ways = _ways(oracle, path.after, number, *sent[number])
            if ways and (known is None or ways[0].judgement.verdict.kind == VERIFIED):
                # It may fit in later too, read in another way: so its place tells nothing of how the server reads requests.
                path = path.then(number, Way(path.after, ways[0].judgement))
    return path


def _may_be_next(number: int, path: Path, sent: Sequence[Sent]) -> bool:
    """Whether no other request that is left had its reply before this one was sent."""
    left = (answer for other, (_, answer) in enumerate(sent) if other not in path.judged and other != number)
    return all(isinstance(each, LostReply) or each.received >= sent[number][1].sent for each in left)


def _may_be_last(number: int, path: Path, sent: Sequence[Sent]) -> bool:
    """Whether no request of a path was sent after this one had its reply."""
    return all(sent[other][1].sent <= sent[number][1].received for other in path.judged)


def _ways(oracle: Oracle, before: Possible, number: int, request: Request, answer: Reply | LostReply) -> list[Way]:
    if isinstance(answer, LostReply):
        return oracle.ways_without_reply(before, request, answer.sent, answer.received, number)
    return oracle.ways(before, request, answer, number)
