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

MOST_CHANGES_UNDONE = 64
"""Up to this many changes are undone to move the dicts back to an older version; beyond it the dicts are copied."""
MOST_CHANGES_KEPT = 10_000
"""Changes after which a version that is still referenced gets its own dicts; the number of keys if that is larger."""

ABSENT: Any = object()
"""The value of a key that does not exist."""

Dicts = dict[str, dict[Any, Any]]
UndoLog = list[tuple[str, Any, Any]]
"""For each change, in order: the name of a map, a key, and the value before the change, which may be ABSENT."""

_lock = RLock()
"""Guards the data that versions share; also held from `begin` to `end`. One lock for all: it is held for microseconds."""


class Version:
    """One version of some maps that change together. Keys and values must be immutable."""

    __slots__ = ("__weakref__", "_checkpoint", "_dicts", "_newer", "_older", "_steps_searched", "_undo_log", "_until_checkpoint")

    # The newest version has `_dicts`; a version that gets dicts again gets a new outer dict. Any other version has `_newer` and
    # `_undo_log`, the values before the changes that led to `_newer`. A version that is being written has `_older`, whose
    # `_undo_log` it shares.
    _dicts: Dicts | None
    _newer: Version
    _undo_log: UndoLog
    _older: Version
    _steps_searched: int  # entries of undo logs that reads of this older version have searched
    _until_checkpoint: int  # changes until the version of `_checkpoint` gets its own dicts
    _checkpoint: Callable[[], Version | None]  # an earlier version, if it is still referenced

    def __init__(self, dicts: Dicts, until_checkpoint: int, checkpoint: Callable[[], Version | None]) -> None:
        self._dicts, self._until_checkpoint, self._checkpoint = dicts, until_checkpoint, checkpoint

    @classmethod
    def empty(cls, names: Iterable[str]) -> Version:
        """A version of empty maps with these names."""
        return cls({name: {} for name in names}, MOST_CHANGES_KEPT, _nothing)

    def get(self, name: str, key: Any, default: Any = None) -> Any:
        """The value under a key of one map."""
        dicts = self._dicts
        if dicts is not None:
            value = dicts[name].get(key, default)
            if self._dicts is dicts:  # else a newer version took over the dicts, and may have changed them
                return value
        return self._get_old(name, key, default)

    def size(self, name: str) -> int:
        """How many keys one map has."""
        dicts = self._dicts
        if dicts is not None:
            size = len(dicts[name])
            if self._dicts is dicts:
                return size
        with _lock:
            path, dicts = self._path()
            old = {key: value for version in reversed(path) for each, key, value in reversed(version._undo_log) if each == name}
            return len(dicts[name]) + sum((value is not ABSENT) - (key in dicts[name]) for key, value in old.items())

    def copied(self, name: str) -> dict[Any, Any]:
        """One map as a dict."""
        with _lock:
            path, dicts = self._path()
            copy = {name: dicts[name].copy()}
            for version in reversed(path):
                _undo([each for each in version._undo_log if each[0] == name], copy)
            return copy[name]

    def since(self, name: str, seen: set[Version]) -> list[Any]:
        """The values that one map has in this version and in later ones, without the versions in `seen`.

        `seen` grows: over several calls with the same set each version is read once.
        """
        found: list[Any] = []
        version = self
        with _lock:
            while version not in seen:
                seen.add(version)
                if (dicts := version._dicts) is not None:
                    return [*found, *dicts[name].values()]
                found += [value for each, _, value in version._undo_log if each == name and value is not ABSENT]
                version = version._newer
        return found

    def steps_to(self, later: Version) -> UndoLog | None:
        """The changes that led from this version to a later one, each with the value before it; None where none leads there."""
        steps: UndoLog = []
        version = self
        with _lock:
            while version is not later:
                if version._dicts is not None:
                    return None
                steps += version._undo_log
                version = version._newer
        return steps

    def begin(self) -> tuple[Version, Dicts, UndoLog]:
        """The next version, its dicts and its undo log. Takes the lock, which `end` or `undo` of that version releases.

        The caller changes the dicts; before each change it appends the old value to the undo log.
        """
        _lock.acquire()
        try:
            dicts = self._dicts if self._dicts is not None else self._reclaim_dicts()
        except BaseException:
            _lock.release()
            raise
        self._dicts = None  # before the dicts change: a reader checks this again after it has read
        after = Version(dicts, self._until_checkpoint, self._checkpoint)
        after._older, after._undo_log = self, []
        self._newer, self._undo_log, self._steps_searched = after, after._undo_log, 0
        return after, dicts, after._undo_log

    def end(self) -> None:
        """Completes this version: it is immutable from now on. Releases the lock."""
        self._until_checkpoint -= len(self._undo_log)
        del self._older, self._undo_log
        try:
            if self._until_checkpoint <= 0:
                self._detach_checkpoint()
        finally:
            _lock.release()

    def undo(self) -> None:
        """Discards this version and its changes. Releases the lock."""
        assert self._dicts is not None
        _undo(self._undo_log, self._dicts)
        older = self._older
        if older._dicts is None:  # else it has got its own dicts, because it was read often
            older._dicts = self._dicts.copy()
            del older._newer, older._undo_log
        _lock.release()

    # The methods below are called with the lock held.

    def _detach_checkpoint(self) -> None:
        """Gives the version of the last checkpoint its own dicts, so that it does not keep every later change alive."""
        kept = self._checkpoint()
        if kept is not None and kept._dicts is None:
            kept._copy_dicts()
        self._checkpoint, self._until_checkpoint = ref(self), max(MOST_CHANGES_KEPT, self._keys())

    def _keys(self) -> int:
        return sum(map(len, self._path()[1].values()))

    def _copy_dicts(self) -> None:
        """Gives this version its own copy of the dicts."""
        path, dicts = self._path()
        copies = {name: each.copy() for name, each in dicts.items()}
        for version in reversed(path):
            _undo(version._undo_log, copies)
        del self._newer, self._undo_log
        self._dicts = copies

    def _path(self) -> tuple[list[Version], Dicts]:
        """The versions from this one up to the one that has the dicts, without the latter, and the dicts."""
        path, version = [], self
        while (dicts := version._dicts) is None:
            path.append(version)
            version = version._newer
        return path, dicts

    def _reclaim_dicts(self) -> Dicts:
        """The dicts of this older version, which it may then change."""
        path, dicts = self._path()
        if sum(len(version._undo_log) for version in path) > MOST_CHANGES_UNDONE:
            self._copy_dicts()
        else:
            for version in reversed(path):
                newer = version._newer
                newer._dicts, newer._newer, newer._steps_searched = None, version, 0
                newer._undo_log = [(name, key, dicts[name].get(key, ABSENT)) for name, key, _ in version._undo_log]
                _undo(version._undo_log, dicts)
            del self._newer, self._undo_log
            self._dicts = dicts.copy()
        assert self._dicts is not None
        return self._dicts

    def _get_old(self, name: str, key: Any, default: Any) -> Any:
        """The value under a key of an older version."""
        with _lock:
            value, steps = self._search_undo_logs(name, key)
            if steps:
                self._steps_searched += steps
                if self._steps_searched > MOST_CHANGES_KEPT and self._steps_searched > self._keys():
                    self._copy_dicts()
        return default if value is ABSENT else value

    def _search_undo_logs(self, name: str, key: Any) -> tuple[Any, int]:
        """The value under a key, and the number of entries that were searched to find it."""
        version, steps = self, 0
        while (dicts := version._dicts) is None:
            for where, each, value in version._undo_log:
                if where == name and each == key:
                    return value, steps
            steps += len(version._undo_log)
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


def _undo(log: UndoLog, dicts: Dicts) -> None:
    """Undoes changes, the last one first."""
    for name, key, value in reversed(log):
        if value is ABSENT:
            dicts[name].pop(key, None)
        else:
            dicts[name][key] = value


def _nothing() -> None:
    return None
