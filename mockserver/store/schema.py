"""The tables of a store, their version, and the migrations from older ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_bytes

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)

from mockserver.store.database import Database
from mockserver.worlds.world import StoreProblem

VERSION = 1
OPENING = 4_010_001
"""The key of PostgreSQL's lock of those who create tables, create worlds, or delete them."""

Migration = Callable[[Connection], None]
MIGRATIONS: Mapping[int, Migration] = {}
"""By version: the step to the next one."""

metadata = MetaData()


def _world() -> Column[int]:
    return Column("world", ForeignKey("mock_worlds.id", ondelete="CASCADE"), primary_key=True)


STORE = Table(
    "mock_store",
    metadata,
    Column("version", Integer, nullable=False),
    Column("row_key", LargeBinary, nullable=False),  # the secret of the names that the control plane gives to rows
    Column("retired", LargeBinary, nullable=False),  # the metrics of the worlds that were deleted
)
WORLDS = Table(
    "mock_worlds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("used", Float, nullable=False),  # epoch seconds
    Column("number", BigInteger, nullable=False),  # of the last record of its log
    Column("bytes", BigInteger, nullable=False),  # of the log since the last checkpoint
    Column("tables", String, nullable=False),  # a digest of the tables that its rows are in
    Column("served", String, nullable=False),  # a digest of the files that the default world began with
    Column("origin", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # so that no other world ever gets the id of a deleted one
)
LOG = Table(
    "mock_log",
    metadata,
    _world(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("change", LargeBinary, nullable=False),
    Column("entry", BigInteger),  # the number of the entry of the journal
    Column("journal", LargeBinary),  # the entry
)
MOMENTS = Table(
    "mock_moments",
    metadata,
    _world(),
    Column("name", String, primary_key=True),  # CHECKPOINT, ORIGIN, or the name of a snapshot
    Column("number", BigInteger, nullable=False),  # of the record after which the world was so
    Column("content", LargeBinary, nullable=False),
)
CHECKPOINT, ORIGIN = "checkpoint", "origin"


def prepare(database: Database) -> None:
    """Creates the tables of an empty database, and migrates older ones. Raises StoreProblem and NotStored."""
    with database.writing() as connection:
        take_turn(connection, database)
        names = set(inspect(connection).get_table_names())
        if STORE.name not in names:
            _create(connection, database, names)
            return
        version = connection.execute(select(STORE.c.version)).scalar()
        if not isinstance(version, int):
            raise StoreProblem(f"the store {database.shown} has no version, so it is damaged; put a copy in its place")
        if version > VERSION:
            raise StoreProblem(
                f"the store {database.shown} has version {version}, and this mockserver knows {VERSION}; "
                "use the newer mockserver that wrote it"
            )
        _migrate(connection, database, version)
        connection.execute(update(STORE).values(version=VERSION))  # fails where nothing can be written


def take_turn(connection: Connection, database: Database) -> None:
    """Waits for others who create or delete worlds. A transaction of SQLite that writes is alone anyway."""
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": OPENING})


def _create(connection: Connection, database: Database, names: set[str]) -> None:
    if names:
        found = ", ".join(sorted(names)[:3])
        raise StoreProblem(f"{database.shown} has tables of something else ({found}), so it is no store; give an empty database")
    metadata.create_all(connection)
    connection.execute(insert(STORE).values(version=VERSION, row_key=token_bytes(32), retired=b"[]"))


def _migrate(connection: Connection, database: Database, version: int) -> None:
    for each in range(version, VERSION):
        step = MIGRATIONS.get(each)
        if step is None:
            raise StoreProblem(
                f"the store {database.shown} has version {each}, which this mockserver cannot read; begin a new one"
            )
        step(connection)
