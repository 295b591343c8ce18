"""One of the two contracts: the compiled one, and its document, which knows the lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import openapi


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A contract with its document."""

    contract: openapi.Contract
    root: openapi.Node
    requests: openapi.Schemas = field(init=False)
    replies: openapi.Schemas = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "requests", openapi.Schemas(self.root.document, "readOnly"))
        object.__setattr__(self, "replies", openapi.Schemas(self.root.document, "writeOnly"))

    @property
    def is_3_0(self) -> bool:
        """Whether it is OpenAPI 3.0, where nothing beside a `$ref` counts."""
        return str(self.root.value.get("openapi")).startswith("3.0")

    def nodes(self, operation: openapi.Operation) -> tuple[openapi.Node, openapi.Node]:
        """The path and the operation in the document."""
        item = self.root.child("paths").child(operation.path)
        return item, item.child(operation.method.lower())


def load_side(file: str) -> Side:
    """Loads a contract. Raises ContractError for one that cannot be used, and if one of its operations cannot be read."""
    side = Side(openapi.load(file, plain=True), openapi.whole_document(file).root)
    read = {(each.path, each.method.lower()) for each in side.contract.operations.values()}
    lost = [node for path, method, node in _written(side.root) if (path, method) not in read]
    if lost:
        hint = f"`contracts lint {file}` says why"
        raise openapi.ContractError([each.problem("this operation cannot be read", hint) for each in lost])
    return side


def too_deep(file: str) -> openapi.Problem:
    """The problem of a document whose parts are nested too deeply for Python."""
    return openapi.Problem(
        file, 1, "its schemas refer to one another too deeply", "a chain of some hundred references is too long"
    )


def _written(root: openapi.Node) -> Iterator[tuple[str, str, openapi.Node]]:
    paths = root.mapping("paths")
    for path in paths.value if paths else ():
        item = paths.mapping(path) if paths and path.startswith("/") else None
        for method in openapi.METHODS:
            node = item.mapping(method) if item else None
            if node is not None:
                yield path, method, node
