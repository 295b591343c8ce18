"""The lock of a world in a store: what changes under it is one transaction of the database."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockserver.store.world import StoredWorld


class WorldLock:
    """A lock in this process and in the database. Both are held from `with` to its end."""

    def __init__(self, world: StoredWorld) -> None:
        self.world, self.local = world, Lock()
        """The lock in this process."""
        self._transaction: AbstractContextManager[object] = ExitStack()

    def __enter__(self) -> None:
        """Begins with what other processes have changed. Raises NotStored."""
        self.local.acquire()
        try:
            with ExitStack() as stack:
                self._connection = stack.enter_context(self.world.database.writing())
                self.world.catch_up(self._connection, locked=True)
                self._before = self.world.content()
                self.world.replaced = False
                self._transaction = stack.pop_all()
        except BaseException:
            self.local.release()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stores what has changed. Raises NotStored, and then the world is read again before it is used."""
        world = self.world
        try:
            after = world.content()
            world.stale = after != self._before
            with self._transaction:
                if error is not None:
                    raise error
                if world.stale:
                    world.store(self._connection, self._before, after)
            world.stale = False
        finally:
            self.local.release()
