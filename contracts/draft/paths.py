"""Paths of operations: out of addresses, checked, and names of operations out of paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from contracts.draft.record import Field, Operation, Place

METHODS = ("get", "post", "put", "delete", "patch", "head", "options")
LONGEST_PATH = 500
_host = re.compile(r"^(?:https?:)?//[^/?#\s]*|^\{\{[^{}]*\}\}|^\$\{[^{}]*\}|^<[^<>]*>", re.IGNORECASE)
_colon = re.compile(r"(?<=/):([A-Za-z_]\w*)")
_braces = re.compile(r"\{([^{}]*)\}")
_segment = re.compile(r"[^\s<>\"\\^`|?#\x00-\x1f\x7f]*").fullmatch
_name = re.compile(r"[A-Za-z][A-Za-z0-9_]*").fullmatch


def path_of(address: str, place: Place) -> tuple[str, str]:
    """The path of an address and its query. Host and base URL are left out. Raises Unreadable for what is no path."""
    text = _host.sub("", address.strip().strip("`'\"* ").split(" ")[0].strip("`'\"*,;，。；"))
    text, _, query = text.partition("?")
    text = _colon.sub(r"{\1}", text.replace("{{", "{").replace("}}", "}")).partition("#")[0]
    path = text if text.startswith("/") else f"/{text}"
    shown = path if len(path) < 80 else f"{path[:80]}…"
    hint = "write one such as /things/{id}"
    if len(path) > LONGEST_PATH or not _segment(path):
        raise place.error(f"the path {shown!r} has characters that no path has, or too many", hint)
    if path == "/" and not text:
        raise place.error("the address is empty", hint)
    if any(each in ("..", ".") for each in path.split("/")):
        raise place.error(f"the path {shown} leads upwards", hint)
    rest = _braces.sub("", path)
    names = _braces.findall(path)
    if "{" in rest or "}" in rest or "" in names or len(names) != len(set(names)):
        raise place.error(f"the path {shown} has braces that do not name one parameter each", hint)
    return path, query


def with_path_parameters(operation: Operation) -> None:
    """Declares each name in braces as a parameter of the path, and none that is not there."""
    names = _braces.findall(operation.path)
    declared = {each.name for each in operation.at("path")}
    for name in names:
        if name not in declared:
            operation.fields.append(Field(name, operation.place, "path", True, schema={"type": "string"}))
    for each in operation.at("path"):
        each.required = True
        each.schema.pop("default", None)
        if each.name not in names:
            each.location, each.required = "query", False
            operation.todos.append(f"{each.place}: {each.name} is not in the path; in: query is a guess")


def name_operations(operations: Sequence[Operation]) -> None:
    """Gives each operation a name of its own: that of the page, the end of its path, or its method and its path."""
    ends = Counter(_end(each) for each in operations)
    taken: set[str] = set()
    for each in operations:
        name = re.sub(r"[^A-Za-z0-9_-]", "", each.name)
        if not name and ends[_end(each)] == 1 and _name(_end(each)):
            name = _end(each)
        if not name or name in taken:
            parts = re.findall(r"[A-Za-z0-9]+", each.path)
            name = each.method + "".join(part[0].upper() + part[1:] for part in parts)
        base, number = name, 2
        while name in taken:
            name, number = f"{base}{number}", number + 1
        taken.add(name)
        each.name = name


def _end(operation: Operation) -> str:
    return operation.path.rstrip("/").rpartition("/")[2]
