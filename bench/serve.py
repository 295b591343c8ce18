"""One of our own servers: `python -m bench.serve mock|flask|bytes PORT`, all on the WSGI server that the mock uses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Event
from typing import Any

THREADS = 1
ROWS = 10_000_000
BODY = b'{"code": 200, "msg": "ok", "data": "share_dv_C1822205500000000000000000000000000000000", "extMsg": ""}'


def mock() -> Any:
    """The mock on its demo world, journal and metrics on, with room for every share of the run."""
    import os
    from pathlib import Path

    import openapi
    from mockserver import create_app
    from mockserver._mock import Mock
    from mockserver._world import Origin
    from mockserver._worlds import Bounds

    world = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
    return create_app(Mock(openapi.load(), Origin(openapi.read_document(world), os.environ), Bounds(rows=ROWS)))


def flask() -> Any:
    """A bare Flask view: no state, no rules."""
    from flask import Flask, request

    app = Flask("bare")

    @app.post("/v2/binding/enduserapi/shareInfo")
    def share_info() -> dict[str, Any]:
        return {"code": 200, "msg": "ok", "data": f"share_dv_{request.args['dk']}", "extMsg": ""}

    return app


def fixed() -> Any:
    """The bare WSGI server: the same bytes for everything."""
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [BODY]

    return application


APPLICATIONS: dict[str, Callable[[], Any]] = {"mock": mock, "flask": flask, "bytes": fixed}


def main(name: str, port: int) -> None:
    """Serves until it is killed."""
    from mockserver._server import Server, listen

    server = Server(APPLICATIONS[name](), listen("127.0.0.1", port), THREADS)
    print(server.url, flush=True)
    Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
