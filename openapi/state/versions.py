"""Persistent maps: a change gives a new version, and older versions stay unchanged.

This is Baker's method: the newest version owns the dicts, the next one takes them over and changes them in place, and an older
version stores how it differs from its successor. So using the newest version costs as much as a dict, whatever its size, and
versions that nobody keeps cost nothing.

- Changing an older version moves the dicts back to it if it is a few changes away, and copies them otherwise: a fork costs
  nothing until both sides change, and then one copy.
- A version that is kept during thousands of changes, or is often read, gets dicts of its own.
- Versions may be used by several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import RLock
from typing import Any
from weakref import ref

NEAR = 64
"""Changes of one key that are taken back rather than copying dicts."""
FAR = 10_000
"""Changes after which a version that is still kept gets dicts of its own; in larger maps as many as they have keys."""

ABSENT: Any = object()
"""The value of a key that is not there."""

Dicts = dict[str, dict[Any, Any]]
Taken = list[tuple[str, Any, Any]]
"""In their order: the name of a map, a key, and the value that a change took away, which may be ABSENT."""

_lock = RLock()
"""Guards what versions share, from `begin` to `end` too. One for all: it is held for microseconds."""


class Version:
    """One version of some maps that change together. Keys and values must be values that never change."""

    __slots__ = ("__weakref__", "_before", "_dicts", "_left", "_mark", "_newer", "_older", "_walked")

    # The newest version has `_dicts`, a new dict of them each time that a version gets hold of dicts again. Any other one
    # has `_newer`, and `_before`, the values that its changes took away, in their order. One that is being written has
    # `_older`, whose `_before` it shares.
    _dicts: Dicts | None
    _newer: Version
    _before: Taken
    _older: Version
    _walked: int  # changes through which reads went to find what this older version has
    _left: int  # changes until the next look at `_mark`
    _mark: Callable[[], Version | None]  # a version of some time ago, if it is still kept

    def __init__(self, dicts: Dicts, left: int, mark: Callable[[], Version | None]) -> None:
        self._dicts, self._left, self._mark = dicts, left, mark

    @classmethod
    def empty(cls, names: Iterable[str]) -> Version:
        """A version of empty maps with these names."""
        return cls({name: {} for name in names}, FAR, _nothing)

    def get(self, name: str, key: Any, default: Any = None) -> Any:
        """The value under a key of one map."""
        dicts = self._dicts
        if dicts is not None:
            value = dicts[name].get(key, default)
            if self._dicts is dicts:  # else a newer version has taken the dicts over, and may have changed them
                return value
        return self._distant(name, key, default)

    def size(self, name: str) -> int:
        """How many keys one map has."""
        dicts = self._dicts
        if dicts is not None:
            size = len(dicts[name])
            if self._dicts is dicts:
                return size
        with _lock:
            path, dicts = self._path()
            old = {key: value for version in reversed(path) for each, key, value in reversed(version._before) if each == name}
            return len(dicts[name]) + sum((value is not ABSENT) - (key in dicts[name]) for key, value in old.items())

    def copied(self, name: str) -> dict[Any, Any]:
        """One map as a dict."""
        with _lock:
            path, dicts = self._path()
            copy = {name: dicts[name].copy()}
            for version in reversed(path):
                _undo([each for each in version._before if each[0] == name], copy)
            return copy[name]

    def since(self, name: str, seen: set[Version]) -> list[Any]:
        """The values that one map has here or in what came after it, but for versions that were seen before.

        `seen` grows, so that the versions of a long history are read once, from whichever of them it is asked.
        """
        found: list[Any] = []
        version = self
        with _lock:
            while version not in seen:
                seen.add(version)
                if (dicts := version._dicts) is not None:
                    return [*found, *dicts[name].values()]
                found += [value for each, _, value in version._before if each == name and value is not ABSENT]
                version = version._newer
        return found

    def begin(self) -> tuple[Version, Dicts, Taken]:
        """The next version, to be written and read by the caller alone until its `end` or `undo`.

        The caller changes the dicts itself; before it does, it appends to the list what it is going to take away.
        """
        _lock.acquire()
        try:
            dicts = self._dicts if self._dicts is not None else self._reclaimed()
        except BaseException:
            _lock.release()
            raise
        self._dicts = None  # before the dicts change: a reader looks here again after it has read
        after = Version(dicts, self._left, self._mark)
        after._older, after._before = self, []
        self._newer, self._before, self._walked = after, after._before, 0
        return after, dicts, after._before

    def end(self) -> None:
        """From now on it never changes."""
        self._left -= len(self._before)
        del self._older, self._before
        try:
            if self._left <= 0:
                self._look_back()
        finally:
            _lock.release()

    def undo(self) -> None:
        """Takes back what was written; nobody uses it any more."""
        assert self._dicts is not None
        _undo(self._before, self._dicts)
        older = self._older
        if older._dicts is None:  # else it was read so often that it has some of its own
            older._dicts = self._dicts.copy()
            del older._newer, older._before
        _lock.release()

    # What follows is called with the lock held.

    def _look_back(self) -> None:
        """Lets go of the version that looked back last, so that it does not keep every change since then."""
        kept = self._mark()
        if kept is not None and kept._dicts is None:
            kept._leave()
        self._mark, self._left = ref(self), max(FAR, self._keys())

    def _keys(self) -> int:
        return sum(map(len, self._path()[1].values()))

    def _leave(self) -> None:
        """Gets dicts of its own."""
        path, dicts = self._path()
        copies = {name: each.copy() for name, each in dicts.items()}
        for version in reversed(path):
            _undo(version._before, copies)
        del self._newer, self._before
        self._dicts = copies

    def _path(self) -> tuple[list[Version], Dicts]:
        """The versions from this one to the one that has the dicts, without it, and the dicts."""
        path, version = [], self
        while (dicts := version._dicts) is None:
            path.append(version)
            version = version._newer
        return path, dicts

    def _reclaimed(self) -> Dicts:
        """The dicts of this older version, from now on its own to change."""
        path, dicts = self._path()
        if sum(len(version._before) for version in path) > NEAR:
            self._leave()
        else:
            for version in reversed(path):
                newer = version._newer
                newer._dicts, newer._newer, newer._walked = None, version, 0
                newer._before = [(name, key, dicts[name].get(key, ABSENT)) for name, key, _ in version._before]
                _undo(version._before, dicts)
            del self._newer, self._before
            self._dicts = dicts.copy()
        assert self._dicts is not None
        return self._dicts

    def _distant(self, name: str, key: Any, default: Any) -> Any:
        """The value under a key of an older version."""
        with _lock:
            value, steps = self._before_changes(name, key)
            if steps:
                self._walked += steps
                if self._walked > FAR and self._walked > self._keys():
                    self._leave()
        return default if value is ABSENT else value

    def _before_changes(self, name: str, key: Any) -> tuple[Any, int]:
        """The value under a key, and through how many changes the way to it led."""
        version, steps = self, 0
        while (dicts := version._dicts) is None:
            for where, each, value in version._before:
                if where == name and each == key:
                    return value, steps
            steps += len(version._before)
            version = version._newer
        return dicts[name].get(key, ABSENT), steps


class Map(Mapping[Any, Any]):
    """One map of a version."""

    __slots__ = ("_name", "_version")

    def __init__(self, version: Version, name: str) -> None:
        self._version, self._name = version, name

    def get(self, key: Any, default: Any = None) -> Any:
        """The value under a key."""
        return self._version.get(self._name, key, default)

    def __getitem__(self, key: Any) -> Any:
        value = self._version.get(self._name, key, ABSENT)
        if value is ABSENT:
            raise KeyError(key)
        return value

    def __len__(self) -> int:
        return self._version.size(self._name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._version.copied(self._name))

    def items(self) -> Any:
        """The keys and values of this version."""
        return self._version.copied(self._name).items()

    def values(self) -> Any:
        """The values of this version."""
        return self._version.copied(self._name).values()


def _undo(before: Taken, dicts: Dicts) -> None:
    """Takes changes back, the last one first."""
    for name, key, value in reversed(before):
        if value is ABSENT:
            dicts[name].pop(key, None)
        else:
            dicts[name][key] = value


def _nothing() -> None:
    return None
