"""A database: its address, its transactions, and what its errors mean, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from mockserver.worlds.world import NotStored, StoreProblem

PATIENCE = 10
"""Seconds to wait for a lock, and for a connection."""
MOST_CONNECTIONS = 64
WRITES = "mockserver_writes"
"""The option of a connection whose transactions write."""
EXAMPLES = "write sqlite:///mock.db, or postgresql://user:password@host/database"
SQLITE = {
    5: ("is locked by another program; end it, or try again later", 503),
    6: ("is locked by another program; end it, or try again later", 503),
    8: ("is read-only; make the file and its folder writable", 503),
    11: ("is damaged; put a copy of the file in its place", 503),
    13: ("is full; free space on its disk, or allow it more pages", 507),
    14: ("cannot be opened; check that its folder exists, and that this user may write there", 503),
    26: ("is no SQLite database; give a new file, or one of a mock", 503),
}
"""By primary result code: what it means, and the HTTP status of a request that fails so."""
POSTGRESQL = {
    "25006": ("is read-only; give the primary server", 503),
    "28": ("refuses this user or password", 503),
    "3D": ("is no database of that server; create it", 503),
    "42501": ("does not allow this user to write; grant it the rights", 503),
    "53": ("has no room, or no free connection; free space on its disk, or allow more connections", 507),
    "55P03": ("is locked by another program; end it, or try again later", 503),
}
"""The same by SQLSTATE or its first two characters."""


class Database:
    """Transactions of one database. Its errors are NotStored, with a sentence that shows no password."""

    def __init__(self, address: str) -> None:
        """Connects later. Raises StoreProblem for an address that is none of SQLite or PostgreSQL."""
        url = _url(address)
        self.shown = url.render_as_string(hide_password=True)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._engine = create_engine(url, pool_size=MOST_CONNECTIONS, max_overflow=0, pool_timeout=PATIENCE, **_options(url))
        # Threads of this process wait for each other here; SQLite makes those that wait sleep for longer and longer.
        self._turn: AbstractContextManager[Any] = Lock() if self.is_sqlite else nullcontext()
        self._writer = self._engine.execution_options(**{WRITES: True})
        self._reader = self._engine
        if self.is_sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, which is committed at the end; an exception undoes it. Raises NotStored."""
        with self._turn, self._explained(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment. Raises NotStored."""
        with self._explained(), self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection; others are opened when they are needed."""
        self._engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            what, status = _meaning(error)
            raise NotStored(f"the store {self.shown} {what}", status) from error


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        raise StoreProblem(f"the store is no address of a database ({EXAMPLES})") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise StoreProblem(f"the store {address} would be in memory; leave it out for that, or name a file ({EXAMPLES})")
        return url
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise StoreProblem(f"the store is in {backend}, but a store is in SQLite or PostgreSQL ({EXAMPLES})")


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {} if "timeout" in url.query else {"timeout": PATIENCE}}
    connecting = {"connect_timeout": PATIENCE} if "connect_timeout" not in url.query else {}
    # A connection that the server has closed meanwhile is replaced before it is used.
    return {"connect_args": connecting, "pool_pre_ping": True, "isolation_level": "READ COMMITTED"}


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the module begins no transactions by itself
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _meaning(error: SQLAlchemyError) -> tuple[str, int]:
    """What an error means, and the HTTP status of a request that fails so."""
    original = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(original, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF in SQLITE:
        return SQLITE[code & 0xFF]
    state = getattr(original, "sqlstate", None) or ""
    for known in (state, state[:2]):
        if known in POSTGRESQL:
            return POSTGRESQL[known]
    text = " ".join(str(original or error).split())
    if "does not exist" in text and not state:
        return POSTGRESQL["3D"]
    if "authentication failed" in text or "no password supplied" in text:
        return POSTGRESQL["28"]
    if original is not None and not state and code is None:
        return "cannot be reached; check host and port, and that the server runs", 503
    return f"failed: {text[:300]}", 503
