"""The stores of the tests: an SQLite file, and a database of its own in the PostgreSQL of TEST_DATABASE, where there is one."""

from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import count

import pytest
from sqlalchemy import create_engine, make_url, text

SERVER = os.environ.get("TEST_DATABASE")
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(not SERVER, reason="TEST_DATABASE is no database"))]
_numbers = count()


@contextmanager
def stored(kind, folder):
    """The URL of an empty store."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'mock.db'}"
        return
    name = f"store_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(make_url(SERVER).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(SERVER).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
