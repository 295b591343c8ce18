"""Memory of the mock: `python bench/memory.py [REQUESTS]` sends 1,000,000 requests, of every outcome of shareInfo in turn.

It calls the WSGI application without HTTP, with journal and metrics, and prints resident MiB, rows and entries ten times. The
rows grow with every success; the rest must not grow.
"""

from __future__ import annotations

import gc
import os
import sys
from itertools import cycle, islice
from pathlib import Path

from werkzeug.test import EnvironBuilder

import openapi
from mockserver import Bounds, Mock, Origin, create_app


def main() -> None:
    """Prints one line for each tenth of the requests."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    contract = openapi.load()
    world = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
    mock = Mock(contract, Origin(openapi.read_document(world)), Bounds(rows=requests))
    app, live, operation = create_app(mock), mock.worlds.default, contract.operations["shareInfo"]
    witnesses = openapi.witnesses(operation, live.state, live.now())
    environs = cycle([_environ(operation, raw) for raw in witnesses.values()])
    for tenth in range(11):
        if tenth:
            for environ in islice(environs, requests // 10):
                app.wsgi_app(dict(environ), lambda status, headers, exc_info=None: None)
        gc.collect()
        rows = {name: len(live.state.table(name)) for name in live.state.tables}
        print(
            f"{live.journal.count:>9} requests {_resident():7.1f} MiB, {len(live.journal.entries)} entries, rows {rows}",
            flush=True,
        )


def _environ(operation: openapi.Operation, raw: dict[str, str]) -> dict[str, object]:
    query = {name: value for name, value in raw.items() if name != "token"}
    headers = {"Authorization": raw["token"]} if "token" in raw else {}
    return EnvironBuilder(operation.path, method=operation.method, query_string=query, headers=headers).get_environ()


def _resident() -> float:
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024 / 1024


if __name__ == "__main__":
    main()
