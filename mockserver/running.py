"""A mock that runs during a `with` block."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import openapi
from mockserver.application import create_app
from mockserver.client import Client
from mockserver.http.server import Server, listen
from mockserver.serving.mock import Keep, Mock
from mockserver.worlds.world import Origin, StoreProblem
from mockserver.worlds.worlds import Bounds

THREADS = 8


def read_mock(
    contract: str | Path | None,
    world: str | Path | None,
    bounds: Bounds,
    environ: Mapping[str, str] | None = None,
    store: str | None = None,
) -> Mock:
    """The mock of a contract, device sharing where there is none, and of a world file.

    Without one, the demo world serves device sharing, and a contract without tables begins with nothing. `store` is the URL of
    the database that keeps the worlds. Raises InvalidDocument, also where a contract has tables and no world, and StoreProblem
    for a store that cannot be used.
    """
    loaded = openapi.load(contract, plain=True)
    if contract is not None and world is None and loaded.tables:
        raise openapi.WorldError(
            [
                openapi.Problem(
                    loaded.file, 1, "has tables, so it needs a world", "name a world file, which says what is true at the start"
                )
            ]
        )
    file = world if world is not None else openapi.demo_world() if loaded.tables else None
    document = openapi.read_document(file) if file is not None else openapi.parse_document("{}", "empty")
    origin = Origin(document, os.environ if environ is None else environ)
    if store is None:
        return Mock(loaded, origin, bounds)
    return Mock(loaded, origin, bounds, _kept_in(store))


def _kept_in(store: str) -> Keep:
    """Makes worlds in a store. Raises StoreProblem without the packages that this needs."""
    try:
        from mockserver.store.worlds import StoredWorlds
    except ModuleNotFoundError as error:
        extra = "pip install 'contract-mock[store]'"
        raise StoreProblem(f"a store needs the extra: {extra} ({error.name} is not installed)") from None
    return partial(StoredWorlds, address=store)


@contextmanager
def running(
    contract: str | Path | None = None,
    world: str | Path | None = None,
    bounds: Bounds | None = None,
    threads: int = THREADS,
    store: str | None = None,
) -> Iterator[Client]:
    """Serves a contract on a free port of this machine, and gives a client of its control plane.

    `store` is the URL of a database that keeps the worlds; without it they are in memory. Raises InvalidDocument for files, and
    StoreProblem for a store, that cannot be used.
    """
    mock = read_mock(contract, world, bounds or Bounds(), store=store)
    server = Server(create_app(mock), listen("127.0.0.1", 0), threads)
    try:
        with Client(server.url) as client:
            yield client
    finally:
        server.stop()
        mock.worlds.close()
