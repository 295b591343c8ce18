"""The document of a contract with its outcomes in it, for people who read it and try it out. Other tools get it as it is.

Each operation has its decision table in its description, the bodies of its outcomes as examples, and a header parameter
`Prefer` that lists them. The servers are the mock and its worlds, and nothing in it leads to the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import openapi
from mockserver.reference.examples import with_examples
from mockserver.reference.wording import label, outcome_table

SERVERS = [
    {"url": "/", "description": "This mock, in the world default"},
    {
        "url": "/worlds/{world}",
        "description": "This mock, in a world of your choice",
        "variables": {"world": {"default": "default", "description": "The name of a world; it must exist"}},
    },
]
PREFER = "The outcome to get from the mock, instead of the one that the decision table gives. Such a request changes nothing."
_is_word = re.compile(r"[!-~]+").fullmatch
_needs_quotes = re.compile(r"[\s,;]").search


def reference_document(contract: openapi.Contract) -> dict[str, Any]:
    """The document as OpenAPI of the same version; that of the contract stays as it is."""
    root = openapi.Document(contract.file, contract.document, {}).root
    operations = {(each.path, each.method.lower()): each for each in contract.operations.values()}
    paths = root.mapping("paths")
    found = {**contract.document, "servers": SERVERS}
    if paths is not None:
        found["paths"] = {name: _item(contract, operations, paths, name) for name in paths.value}
    local: dict[str, Any] = _local(found)
    return local


def _item(
    contract: openapi.Contract, operations: Mapping[tuple[str, str], openapi.Operation], paths: openapi.Node, name: str
) -> Any:
    served = {method: operations[name, method] for method in openapi.METHODS if (name, method) in operations}
    if not served:
        return paths.value[name]
    item = paths.child(name)
    found = _without_servers(item.value)
    for method, operation in served.items():
        found[method] = _operation(contract, operation, item, item.child(method))
    return found


def _operation(
    contract: openapi.Contract, operation: openapi.Operation, item: openapi.Node, node: openapi.Node
) -> dict[str, Any]:
    found = _without_servers(node.value)
    found["description"] = "\n\n".join(filter(None, (_text(found.get("description")), outcome_table(operation))))
    found["responses"] = with_examples(contract, operation, node.mapping("responses"))
    wishes = list(dict.fromkeys(_wishes(operation)))
    if wishes and not _has_prefer(item) and not _has_prefer(node):
        prefer = {"name": "Prefer", "in": "header", "description": PREFER, "schema": {"type": "string", "enum": wishes}}
        found["parameters"] = [*(node.value.get("parameters") or ()), prefer]
    return found


def _wishes(operation: openapi.Operation) -> Iterator[str]:
    """The values of `Prefer` that ask for an outcome, or for one of its examples. What no header can carry is left out."""
    for outcome in operation.outcomes:
        rule = operation.rule_of(outcome)
        if rule is None or (code := _worded("code", label(operation, rule))) is None:
            continue
        yield code
        for name in rule.content.names if rule.content is not None else ():
            if (example := _worded("example", name)) is not None:
                yield f"{code}, {example}"


def _worded(key: str, value: str) -> str | None:
    quoted = f'"{value}"' if _needs_quotes(value) else value
    return f"{key}={quoted}" if '"' not in value and _is_word(value.replace(" ", "")) else None


def _has_prefer(node: openapi.Node) -> bool:
    """Whether a path or an operation has a header parameter of this name itself."""
    try:
        own = [each.value for each in node.sequence("parameters")]
    except openapi.InvalidDocument:
        return False
    return any(isinstance(each, dict) and _place(each) == ("header", "prefer") for each in own)


def _place(parameter: Mapping[str, Any]) -> tuple[str, str]:
    return str(parameter.get("in")), str(parameter.get("name")).lower()


def _without_servers(value: Mapping[str, Any]) -> dict[str, Any]:
    """A path or an operation whose requests go to the servers of the document."""
    return {key: each for key, each in value.items() if key != "servers"}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _local(value: Any) -> Any:
    """A value without references to other files, which are those that were not read."""
    if isinstance(value, list):
        return [_local(each) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        return {"description": f"{reference} is not read."}
    return {key: _local(each) for key, each in value.items()}
