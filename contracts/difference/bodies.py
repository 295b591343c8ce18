"""Bodies of requests and replies: media types, headers, and their schemas."""

from __future__ import annotations

from collections.abc import Iterator

import openapi
from contracts.difference.change import BOTH, NOBODY, OF_CLIENTS, OF_SERVERS, Change, Part, place
from contracts.difference.facets import raw_child
from contracts.difference.schemas import Differences

_DEFAULT = "default"


class Bodies:
    """Compares the bodies of one operation. `tables` says that decision tables tell which replies are given."""

    def __init__(self, requests: Differences, replies: Differences, tables: bool) -> None:
        self.requests, self.replies, self.tables = requests, replies, tables

    def of_request(self, old: openapi.Node, new: openapi.Node) -> Iterator[Change]:
        """The changes of the body that a client sends."""
        before, after = old.mapping("requestBody"), new.mapping("requestBody")
        if before is None and after is None:
            return
        required = [each is not None and each.value.get("required") is True for each in (before, after)]
        if after is None:
            if before is not None:
                breaks = BOTH if required[0] else OF_CLIENTS
                yield Change(breaks, place(before, True), "the request has no body any more: what is sent in it has no effect")
            return
        if before is None:
            breaks, word = (BOTH, "required") if required[1] else (OF_SERVERS, "optional")
            yield Change(breaks, place(after), f"the request has a new {word} body, which servers have to read")
            return
        if required[0] != required[1]:
            breaks, what = (OF_CLIENTS, "required now") if required[1] else (OF_SERVERS, "no longer required")
            yield Change(breaks, place(after), f"the body of the request is {what}")
        yield from self._media(before, after, "the body of the request", Part.REQUEST)

    def of_replies(self, old: openapi.Node, new: openapi.Node) -> Iterator[Change]:
        """The changes of the replies that a server gives."""
        before, after = _replies(old), _replies(new)
        for key, node in before.items():
            if _covering(after, key) is None:
                yield self._removed(key, node)
        for key, node in after.items():
            known = _covering(before, key)
            if known is None:
                yield self._added(key, node)
            else:
                yield from self._reply(before[known], node, f"the reply {key}")
        for key, node in before.items():  # a status that is only covered by a range now
            if key not in after and (covering := _covering(after, key)) is not None:
                yield from self._reply(node, after[covering], f"the reply {key}")

    def _removed(self, key: str, node: openapi.Node) -> Change:
        if self.tables:
            return Change(NOBODY, place(node, True), f"the reply {key} is not described any more")
        return Change(OF_SERVERS, place(node, True), f"the reply {key} is gone: a server that gives it violates the contract")

    def _added(self, key: str, node: openapi.Node) -> Change:
        if self.tables:
            return Change(NOBODY, place(node), f"the reply {key} is described")
        return Change(OF_CLIENTS, place(node), f"there is a new reply {key}, which clients do not know")

    def _reply(self, old: openapi.Node, new: openapi.Node, name: str) -> Iterator[Change]:
        yield from self._headers(old, new, name)
        before, after = (bool(each.mapping("content")) for each in (old, new))
        if before and not after:
            yield Change(BOTH, place(old.child("content"), True), f"{name} has no body any more")
        elif after and not before:
            yield Change(OF_SERVERS, place(new.child("content")), f"{name} has a body now")
        elif before and after:
            yield from self._media(old, new, name, Part.REPLY)

    def _headers(self, old: openapi.Node, new: openapi.Node, name: str) -> Iterator[Change]:
        before, after = _headers(old), _headers(new)
        for key, node in before.items():
            if key not in after:
                yield Change(OF_CLIENTS, place(node, True), f"{name} has no header {key} any more")
        for key, node in after.items():
            required = node.value.get("required") is True
            if key not in before:
                breaks, word = (OF_SERVERS, "required") if required else (NOBODY, "optional")
                yield Change(breaks, place(node), f"{name} has a new {word} header {key}")
                continue
            if required != (before[key].value.get("required") is True):
                breaks, what = (OF_SERVERS, "required now") if required else (OF_CLIENTS, "no longer required")
                yield Change(breaks, place(node), f"{name}: the header {key} is {what}")
            yield from _schemas(self.replies, before[key], node, f"{name}, header {key}")

    def _media(self, old: openapi.Node, new: openapi.Node, name: str, part: Part) -> Iterator[Change]:
        before, after = _media_types(old), _media_types(new)
        for key, node in before.items():
            if key not in after:
                breaks = OF_CLIENTS if part is Part.REQUEST else BOTH
                yield Change(breaks, place(node, True), f"{name} is no longer {key}: the media type is gone")
        for key, node in after.items():
            if key in before:
                differences = self.requests if part is Part.REQUEST else self.replies
                yield from _schemas(differences, before[key], node, name)
            else:
                yield Change(OF_SERVERS, place(node), f"{name} may be {key} too, which servers have to understand or give")


def _schemas(differences: Differences, old: openapi.Node, new: openapi.Node, name: str) -> Iterator[Change]:
    """The changes of the schemas that two media types or headers have. No schema allows everything."""
    before, after = (raw_child(each, "schema") if "schema" in each.value else each for each in (old, new))
    if before is not old and after is not new:
        yield from differences.changes(before, after, name)
    elif after is not new:
        breaks = OF_CLIENTS if differences.part is Part.REQUEST else OF_SERVERS
        yield Change(breaks, place(after), f"{name} has a schema now")
    elif before is not old:
        breaks = OF_SERVERS if differences.part is Part.REQUEST else OF_CLIENTS
        yield Change(breaks, place(before, True), f"{name} has no schema any more")


def _replies(node: openapi.Node) -> dict[str, openapi.Node]:
    responses = node.mapping("responses")
    found = {}
    for name in responses.value if responses else ():
        each = responses.mapping(name) if responses and not name.lower().startswith("x-") else None
        if each is not None:
            found[name.upper() if name.lower() != _DEFAULT else _DEFAULT] = each
    return found


def _covering(replies: dict[str, openapi.Node], key: str) -> str | None:
    """The most exact of the replies that describes this one; None where none does."""
    return next((each for each in (key, f"{key[:1]}XX", _DEFAULT) if each in replies), None)


def _media_types(node: openapi.Node) -> dict[str, openapi.Node]:
    content = node.mapping("content")
    names = content.value if content else ()
    nodes = {name.partition(";")[0].strip().lower(): content.mapping(name) for name in names} if content else {}
    return {name: each for name, each in nodes.items() if each is not None}


def _headers(node: openapi.Node) -> dict[str, openapi.Node]:
    headers = node.mapping("headers")
    nodes = {name.lower(): headers.mapping(name) for name in headers.value} if headers else {}
    return {name: each for name, each in nodes.items() if each is not None and name != "content-type"}
