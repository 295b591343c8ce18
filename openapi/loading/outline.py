"""The outline of a document: its operations, what in it cannot be used, and what is not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from openapi.document.document import Node
from openapi.document.errors import ContractError, InvalidDocument, Problem, nearest
from openapi.loading.vocabulary import SECTIONS, check_sections, near_misses
from openapi.parameters.parameter import Parameter, read_credential
from openapi.schemas.convert import holders

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Outline:
    """Walks over one document, and collects problems and notes."""

    def __init__(self, root: Node, plain: bool) -> None:
        """`plain` is for a mock of a whole API, which does without what it cannot use."""
        self.root, self.plain = root, plain
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def check(self) -> None:
        """Checks the outline of the OpenAPI document, and each section of the vocabulary against its JSON Schema."""
        root = self.root
        if not isinstance(root.value, dict) or not str(root.value.get("openapi", "")).startswith("3."):
            raise ContractError([root.problem("is no OpenAPI 3 document, and no Swagger 2.0", "begin with openapi: 3.1.0")])
        if root.mapping("paths") is None:
            if not root.value.keys() & {"webhooks", "components"}:
                raise ContractError([root.problem("the document has no paths", "write paths:, and below it /a/path:")])
            self.notes.append(f"{root.file}: the document has no paths, so nothing is served")
        self.check_sections(root)

    def check_sections(self, node: Node) -> None:
        """Checks each section of the vocabulary that a document or an operation has against its JSON Schema."""
        self.problems.extend(check_sections(node))
        self.note_near_misses(node)

    def operations(self) -> Iterator[tuple[Node, Node, str]]:
        """Each operation of the document with its path and its method. What is none is a problem, or noted if plain."""
        paths = self.root.mapping("paths")
        for path in paths.value if paths else ():
            item = self._mapping(paths, path) if path.startswith("/") else None
            for method in METHODS:
                node = self._mapping(item, method) if item is not None else None
                if item is not None and node is not None:
                    yield item, node, method
            if item is None and not path.startswith(("/", "x-")):
                self.notes.append(f"{path} is no path, because it does not begin with /")

    def _mapping(self, node: Node | None, key: str) -> Node | None:
        try:
            return node.mapping(key) if node is not None else None
        except InvalidDocument as error:
            self.unusable(error)
            return None

    def unusable(self, error: InvalidDocument) -> None:
        """What cannot be used of a document is a problem; a mock of a whole API does without it."""
        if self.plain:
            self.notes.extend(f"{problem}; it is not served" for problem in error.problems)
        else:
            self.problems.extend(error.problems)

    def note(self, problem: Problem) -> None:
        """Notes a problem that a mock of a whole API can do without solving."""
        self.notes.append(str(problem))

    def note_near_misses(self, node: Node, known: tuple[str, ...] = SECTIONS) -> None:
        """Notes the keys that are nearly a known one of the vocabulary."""
        for problem in near_misses(node, known):
            self.note(problem)

    def unread(self) -> Iterator[Problem]:
        """The references that lead to no file that is read."""
        for reference, reason in self.root.document.unread.items():
            for pointer in holders(self.root.value, reference):
                yield replace(self.root, pointer=pointer).problem(f"$ref {reference} {reason}")


def credentials(root: Node, node: Node, problem: Callable[[Problem], None]) -> Iterator[Parameter]:
    """The credentials of an operation. `problem` gets what is wrong with its security. Raises InvalidDocument."""
    security = (root if node.value.get("security") is None else node).sequence("security")
    components = root.mapping("components")
    schemes = components.mapping("securitySchemes") if components else None
    required = all(each.value for each in security)  # {} means that no security is required
    for requirement in security:
        for name in requirement.value if isinstance(requirement.value, dict) else ():
            scheme = schemes.mapping(name) if schemes else None
            if scheme is None:
                problem(requirement.problem(f"unknown security scheme {name}", nearest(name, schemes.value if schemes else ())))
                continue
            where, wire_name = _place_of(scheme)
            yield Parameter(name, where, wire_name, {"type": "string"}, required, read_credential, credential=True)


def _place_of(scheme: Node) -> tuple[str, str]:
    """The location and the name of a credential; for a scheme that says none, such as `http`, the header Authorization."""
    where, name = scheme.value.get("in"), scheme.value.get("name")
    if where not in ("query", "header", "cookie") or not isinstance(name, str):
        return "header", "authorization"
    return where, name.lower() if where == "header" else name
