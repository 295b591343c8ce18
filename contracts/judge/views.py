"""The raw values of a request, as a server may read them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product
from random import Random
from typing import Any

from werkzeug.http import parse_cookie

import openapi
from contracts.http.wire import Pairs, Request

MOST_VIEWS = 27
"""The most views of one request."""
MOST_COMPARED = 100
"""The most rows of a table of which one is sought that an unknown key fits otherwise."""
MOST_ROWS = 10_000
"""The most rows of a table that are compared with a text."""

Choice = tuple[str, str, str, str]
"""A kind of reading, an operation and a parameter (each empty where the kind is not theirs), and the option."""
Allowed = Callable[[str, str, str, tuple[str, ...]], tuple[str, ...]]
"""The options that are possible for a kind, an operation and a parameter."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to read a request."""

    raw: dict[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    """The values of parameters that are read otherwise than the contract's own parser would."""
    choices: tuple[Choice, ...] = ()
    """The readings that lead to it."""

    @property
    def strange(self) -> int:
        """How many of its readings are not the mock's."""
        return sum(option != openapi.KINDS[kind][0] for kind, _, _, option in self.choices)


def mocks_own(kind: str, operation: str, parameter: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """The option of the mock."""
    return options[:1]


def own_view(operation: openapi.Operation, request: Request) -> View:
    """A request as the mock reads it."""
    return next(views(operation, request, mocks_own))


def completed(operation: openapi.Operation, request: Request, state: openapi.State, now: int, random: Random) -> Request:
    """A request with its computed values, as a client computes them that knows this state. `now` is epoch ms."""
    if not request.computed:
        return request
    raw = own_view(operation, request).raw
    present = [each for each in operation.parameters if each.name in request.computed and each.name in raw]
    wanted = dict.fromkeys((each.name for each in present), openapi.COMPUTED)
    found = openapi.completed(operation, raw | wanted, state, now, random)
    for each in present:
        request = request.with_parameter(each, found[each.name])
    return request


def views(operation: openapi.Operation, request: Request, allowed: Allowed) -> Iterator[View]:
    """The ways to read a request; more than one where it says something that servers read in different ways."""
    yield from islice(_views(operation, request, allowed), MOST_VIEWS)


def _views(operation: openapi.Operation, request: Request, allowed: Allowed) -> Iterator[View]:
    path = openapi.path_template(operation.path).values(openapi.path_segments(request.path)) or {}
    headers = {name.lower(): value for name, value in request.headers}
    cookies = _cookies(headers.get("cookie", ""))
    itself = request.itself(operation.path) if operation.reads_request else {}
    for query, form, body, choices in _parts(operation, request, allowed):
        raw = operation.gather(query=query, path=path, headers=headers, cookies=cookies, form=form, body=body, request=itself)
        yield from _spelled(operation, raw, choices, allowed)


Parts = tuple[dict[str, Any], dict[str, Any], Any, tuple[Choice, ...]]


def _parts(operation: openapi.Operation, request: Request, allowed: Allowed) -> Iterator[Parts]:
    """The query, the form and the JSON body that count."""
    for query, chosen in _single_values(operation, request.query, allowed):
        for form, more in _single_values(operation, request.form or (), allowed):
            choices = (*chosen, *more)
            if request.form and operation.accepts_form:
                yield from _with_form(operation, query, form, choices, allowed)
            elif isinstance(request.body, dict) and not operation.accepts_json:
                for option in _not_refused(allowed("json", operation.name, "", openapi.KINDS["json"])):
                    read = {name: str(value) for name, value in request.body.items()} if option == "read" else {}
                    yield query, read, None, (*choices, ("json", operation.name, "", option))
            else:
                yield query, {}, request.body, choices


def _with_form(
    operation: openapi.Operation, query: dict[str, Any], form: dict[str, Any], choices: tuple[Choice, ...], allowed: Allowed
) -> Iterator[Parts]:
    for option in _not_refused(allowed("form", operation.name, "", openapi.KINDS["form"])):
        taken = (*choices, ("form", operation.name, "", option))
        if option in ("ignored", "refused"):
            yield query, {}, None, taken
        elif option == "read" and query.keys().isdisjoint(form):
            yield query, form, None, taken
        elif option == "read":
            for first in allowed("both", operation.name, "", openapi.KINDS["both"]):
                merged = query if first == "query" else query | form
                yield merged, form, None, (*taken, ("both", operation.name, "", first))


def _not_refused(options: tuple[str, ...]) -> tuple[str, ...]:
    """The options but `refused`, unless it is the only one: such a refusal is told by its HTTP status."""
    return tuple(each for each in options if each != "refused") or options


def _single_values(
    operation: openapi.Operation, pairs: Pairs, allowed: Allowed
) -> Iterator[tuple[dict[str, Any], tuple[Choice, ...]]]:
    single: dict[str, Any] = dict(pairs)
    if len(single) == len(pairs):
        yield single, ()
        return
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    arrays = {each.wire_name for each in operation.parameters if each.items is not None and each.items.repeated}
    repeated = {name: values for name, values in grouped.items() if len(values) > 1 and name not in arrays}
    single = {name: values if name in arrays else values[0] for name, values in grouped.items()}
    options = [allowed("repeated", operation.name, name, openapi.KINDS["repeated"]) for name in repeated]
    for chosen in product(*options):
        found = {name: _one_of(repeated[name], option) for name, option in zip(repeated, chosen, strict=True)}
        choices = tuple(("repeated", operation.name, name, option) for name, option in zip(repeated, chosen, strict=True))
        yield single | found, choices


def _one_of(values: list[str], option: str) -> str:
    return ",".join(values) if option == "joined" else values[0 if option == "first" else -1]


def _spelled(operation: openapi.Operation, raw: dict[str, Any], choices: tuple[Choice, ...], allowed: Allowed) -> Iterator[View]:
    """The ways to read the texts of the parameters."""
    points = []
    for each in operation.parameters:
        text = raw.get(each.name)
        if isinstance(text, str) and each.location != "body":
            found = list(_prefixed(each, text, allowed) if each.credential else _texts(operation, each, text, allowed))
            if len(found) > 1 or found[0][2] or found[0][0] != text:
                points.append([(each.name, *one) for one in found])
    for chosen in product(*points):
        read = {name: text for name, text, _, _ in chosen}
        changed = {name: text for name, text in (raw | read).items() if text is not None}
        values = {name: value for name, _, value, _ in chosen if value is not None}
        yield View(changed, values, (*choices, *(choice for *_, taken in chosen for choice in taken)))


Spelled = tuple[str | None, Any, tuple[Choice, ...]]


def _texts(operation: openapi.Operation, parameter: openapi.Parameter, text: str, allowed: Allowed) -> Iterator[Spelled]:
    def options(kind: str, each: tuple[str, ...]) -> tuple[str, ...]:
        blank_in_path = parameter.location == "path" and kind in ("empty", "blank")
        return each[:1] if blank_in_path else allowed(kind, operation.name, parameter.name, each)

    for read, value, choices in openapi.spellings(text, parameter.type, options):
        yield read, value, tuple((kind, operation.name, parameter.name, option) for kind, option in choices)


def _prefixed(parameter: openapi.Parameter, text: str, allowed: Allowed) -> Iterator[Spelled]:
    """What a credential in a header may be read as."""
    if parameter.location != "header" or not text.strip():
        yield text, None, ()
        return
    prefixed = text.strip().lower().startswith("bearer ")
    for option in allowed("prefix", "", parameter.name, openapi.KINDS["prefix"]):
        choice = (("prefix", "", parameter.name, option),)
        if option == "optional" or prefixed is (option != "verbatim"):
            yield text, None, choice
        elif option == "required":
            yield None, None, choice
        else:
            yield text, f"unknown: {text.strip()}", choice


def folded_views(operation: openapi.Operation, view: View, state: openapi.State) -> Iterator[View]:
    """The same request as a server reads it that finds a row by a text which is not quite its own."""
    for source in openapi.sources(operation):
        for name, column in source.columns.items():
            text = view.raw.get(name)
            known = {row[column] for row in islice(state.rows(source.table), MOST_ROWS)} if isinstance(text, str) else set()
            for kind in openapi.KEYS if text not in known else ():
                wanted = openapi.folded(kind, str(text))
                for other in sorted(each for each in known if isinstance(each, str) and openapi.folded(kind, each) == wanted):
                    choice = (kind, operation.name, name, "ignored")
                    yield View({**view.raw, name: other}, view.values, (*view.choices, choice))


def unlike_views(
    operation: openapi.Operation, view: View, state: openapi.State, known: Container[tuple[str, str]]
) -> Iterator[tuple[str, View]]:
    """Parameters whose text is like no key of a row that fits otherwise, each with the view that has the key instead.

    Leaves out those that are `known`, as (operation, parameter).
    """
    for source in openapi.sources(operation):
        names = [name for name in source.columns if (operation.name, name) not in known]
        rows = list(islice(state.rows(source.table), MOST_COMPARED)) if names else []
        for name in names:
            column = source.columns[name]
            text, others = view.raw.get(name), source.columns.items() - {(name, column)}
            fitting = [row for row in rows if all(view.raw.get(each) == row[other] for each, other in others)]
            key = fitting[0][column] if fitting else None
            if isinstance(text, str) and isinstance(key, str) and not any(_alike(text, row[column]) for row in rows):
                yield name, View({**view.raw, name: key}, view.values)


def _alike(text: str, key: object) -> bool:
    return isinstance(key, str) and any(openapi.folded(kind, text) == openapi.folded(kind, key) for kind in openapi.KEYS)


def _cookies(text: str) -> dict[str, str]:
    return dict(parse_cookie(text.encode("utf-8", "replace").decode("latin-1")).items())
