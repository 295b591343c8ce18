"""The credentials that an operation requires: alternatives, each a set of schemes. The client sends, the server checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import openapi
from contracts.difference.change import OF_CLIENTS, OF_SERVERS, Change, place
from contracts.difference.digest import value_key
from contracts.difference.side import Side

_WIRE = ("type", "in", "name", "scheme")
"""What of a scheme shows in a request. (A bearer format, and addresses of token servers, do not.)"""
Alternative = frozenset[tuple[str, str]]
"""Schemes, each as its text and a scope; the empty text for none. An empty alternative needs no credential."""


class Security:
    """The security of one operation."""

    def __init__(self, side: Side, operation: openapi.Operation) -> None:
        root, (_, own) = side.root, side.nodes(operation)
        holder = root if own.value.get("security") is None else own
        components = root.mapping("components")
        schemes = components.mapping("securitySchemes") if components else None
        self.names: dict[str, str] = {}
        """What each scheme is called, by its text."""
        self.alternatives: dict[Alternative, tuple[openapi.Node, str]] = {}
        self.node = holder.get("security") or own
        for each in holder.sequence("security"):
            needed: set[tuple[str, str]] = set()
            for name, scopes in _names(each).items():
                scheme = schemes.mapping(name) if schemes else None
                text = _text(scheme.value if scheme else {"type": name})
                self.names[text] = name
                needed |= {(text, str(scope)) for scope in scopes or ("",)} if isinstance(scopes, list) else {(text, "")}
            self.alternatives[frozenset(needed)] = each, " and ".join(_names(each)) or "no credential"
        if not self.alternatives:
            self.alternatives[frozenset()] = self.node, "no credential"


def _names(requirement: openapi.Node) -> dict[str, object]:
    """The schemes of an alternative with their scopes."""
    return requirement.value if isinstance(requirement.value, dict) else {}


def _text(scheme: Mapping[str, object]) -> str:
    said = {word: scheme[word] for word in _WIRE if word in scheme}
    if said.get("in") == "header":
        said["name"] = str(said.get("name")).lower()
    return value_key(said)


def renamed(old: Security, new: Security) -> dict[str, str]:
    """The new names of schemes that requests do not tell apart, by the old ones."""
    return {name: new.names[text] for text, name in old.names.items() if new.names.get(text, name) != name}


def changes(old: Security, new: Security) -> Iterator[Change]:
    """Whether a request that was let in still is, and the other way round."""
    for one, (_, name) in old.alternatives.items():
        if not any(two <= one for two in new.alternatives):
            wanted = " or ".join(text for _, text in new.alternatives.values())
            yield Change(OF_CLIENTS, place(new.node), f"a request with {name} is no longer let in: it needs {wanted}")
    for two, (node, name) in new.alternatives.items():
        if not any(one <= two for one in old.alternatives):
            needed = " or ".join(text for _, text in old.alternatives.values())
            yield Change(OF_SERVERS, place(node), f"a request with {name} has to be let in; it needed {needed}")
