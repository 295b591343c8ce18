"""Pools of worlds: files that list servers, or accounts on one server, for runs at the same time.

    worlds:
      - {target: 'http://127.0.0.1:4010/worlds/w1', world: w1.yaml, reset: 'http://127.0.0.1:4010/_mock/worlds/w1/reset'}
      - {target: 'https://staging.example', world: w2.yaml, header: ['X-Key: ${KEY}']}

Nothing that one run does may change what another one sees. `${NAME}` stays as it is written; the run looks it up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import openapi

MOST_WORLDS = 10_000
"""The most worlds of a pool."""
KEYS = ("target", "world", "reset", "header")
_variable = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_header = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*").fullmatch


@dataclass(frozen=True, slots=True)
class PoolWorld:
    """A world of a pool: a server, and what exists on it. Texts may contain `${NAME}`."""

    target: str
    """The base URL of the server."""
    world: Path
    """The world file."""
    reset: str | None = None
    """A POST to this URL resets the world; None where it cannot be reset."""
    headers: tuple[str, ...] = ()
    """Headers of every request, each as `Name: value`."""


def read_pool(path: str | Path) -> list[PoolWorld]:
    """The worlds of a pool file, at least one, in the order of the file. Paths in it are relative to it.

    Raises InvalidDocument with all problems of the file, each with its line.
    """
    document = openapi.read_document(path)
    return _Reader(Path(path).parent).pool(document.root)


class _Reader:
    """Reads one pool file and collects its problems."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._problems: list[openapi.Problem] = []
        self._known: dict[tuple[str, ...], int] = {}
        """The line of each pair of a target and a world, and of each reset."""

    def pool(self, root: openapi.Node) -> list[PoolWorld]:
        hint = "write worlds: [{target: URL, world: FILE}, …]"
        worlds = root.sequence("worlds") if isinstance(root.value, dict) else []
        if not worlds:
            raise openapi.InvalidDocument([root.problem("is not a pool of worlds", hint)])
        if len(worlds) > MOST_WORLDS:
            raise openapi.InvalidDocument([worlds[MOST_WORLDS].problem(f"a pool has at most {MOST_WORLDS:,} worlds")])
        self._unknown_keys(root, ("worlds",))
        found = [self._world(each) for each in worlds]
        if self._problems:
            raise openapi.InvalidDocument(self._problems)
        return [each for each in found if each is not None]

    def _world(self, node: openapi.Node) -> PoolWorld | None:
        if not isinstance(node.value, dict):
            self._problem(node, "is not a world", "write {target: URL, world: FILE}")
            return None
        self._unknown_keys(node, KEYS)
        target, world = self._text(node, "target", why_no_url), self._text(node, "world", self._is_file)
        reset = self._text(node, "reset", why_no_url) if node.get("reset") is not None else ""
        for each in ("target", "world"):
            if node.get(each) is None:
                self._problem(node, f"the world has no {each}", "write {target: URL, world: FILE}")
        file = (self._folder / world).resolve()
        if target and world:
            self._once(node, (target, str(file)), "another world has the same target and the same world file")
        if reset:
            self._once(node, (reset,), "another world has the same reset, which would reset both")
        return PoolWorld(target, self._folder / world, reset or None, self._headers(node))

    def _text(self, node: openapi.Node, name: str, is_valid: Callable[[str], str]) -> str:
        """The text under a key; empty where there is none, or it has a problem."""
        found = node.get(name)
        if found is None:
            return ""
        if not isinstance(found.value, str) or not found.value:
            self._problem(found, f"{name} is not a text")
            return ""
        if why := is_valid(found.value):
            self._problem(found, f"{name} {why}")
            return ""
        return found.value

    def _is_file(self, text: str) -> str:
        """Why a text is not the path of a file, relative to the pool; empty where it is."""
        try:
            return "" if (self._folder / text).is_file() else f"{text}: there is no such file"
        except (OSError, ValueError):
            return "is not the path of a file"

    def _headers(self, node: openapi.Node) -> tuple[str, ...]:
        try:
            lines = node.sequence("header")
        except openapi.InvalidDocument as error:
            self._problems += error.problems
            return ()
        for each in lines:
            if not isinstance(each.value, str) or not is_header(each.value):
                self._problem(each, "is not a header", "write 'Name: value'")
        return tuple(each.value for each in lines if isinstance(each.value, str))

    def _once(self, node: openapi.Node, key: tuple[str, ...], what: str) -> None:
        if key in self._known:
            self._problem(node, f"{what} (line {self._known[key]})")
        self._known.setdefault(key, node.line)

    def _unknown_keys(self, node: openapi.Node, known: tuple[str, ...]) -> None:
        for each in node.children():
            if each.name not in known:
                self._problem(each, f"unknown key {each.name}", openapi.nearest(each.name, known))

    def _problem(self, node: openapi.Node, what: str, hint: str = "") -> None:
        self._problems.append(node.problem(what, hint))


def pool_text(worlds: Sequence[PoolWorld]) -> str:
    """The text of a pool file in the folder of the world files."""
    lines = ["worlds:"]
    for each in worlds:
        entry = {"target": each.target, "world": each.world.name, "reset": each.reset, "header": list(each.headers)}
        lines.append(f"  - {json.dumps({name: value for name, value in entry.items() if value}, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def is_header(text: str) -> bool:
    """Whether a text is a header line."""
    return _header(text) is not None


def why_no_url(text: str) -> str:
    """Why a text is not a URL, without the text, which may contain a password; empty where it is, or may be one."""
    try:
        parts = urlsplit(_variable.sub("1", re.sub(r"^\$\{\w+\}", "http://1", text)))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    return "" if usable else "is not a URL: write http://HOST:PORT or https://HOST"
