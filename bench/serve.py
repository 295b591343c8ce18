"""The mock on another WSGI server, or another application on its own: `python -m bench.serve NAME PORT`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from threading import Event
from typing import Any

from bench._tools import from_pypi

BODY = b'{"code": 200, "msg": "ok", "data": "share_dv_C1822205500000000000000000000000000000000", "extMsg": ""}'


def mock() -> Any:
    """The mock on its demo world, as `mockserver serve --max-rows 10000000` has it."""
    import gc
    import os
    from pathlib import Path

    import openapi
    from mockserver import Bounds, Mock, Origin, create_app

    world = openapi.read_document(Path(openapi.__file__).parent / "worlds" / "demo.yaml")
    app = create_app(Mock(openapi.load(), Origin(world, os.environ), Bounds(rows=10_000_000)))
    gc.freeze()
    gc.set_threshold(5_000, 100, 100)
    return app


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


def granian(application: Any, listener: socket.socket, threads: int = 1) -> None:
    """The mock's own."""
    from mockserver._server import Server

    Server(application, listener, threads)
    Event().wait()


def waitress(application: Any, listener: socket.socket) -> None:
    """Pure Python, one event loop and threads."""
    from waitress import create_server

    create_server(application, sockets=[listener], threads=4).run()


def cheroot(application: Any, listener: socket.socket) -> None:
    """Pure Python, threads."""
    from cheroot.wsgi import Server

    server = Server(listener.getsockname(), application, numthreads=4)
    listener.close()
    server.start()


def gunicorn(application: Any, listener: socket.socket) -> None:
    """One process of threads."""
    from gunicorn.app.base import BaseApplication

    host, port = listener.getsockname()
    listener.close()

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {"bind": f"{host}:{port}", "worker_class": "gthread", "threads": 4, "keepalive": 60}.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return application

    Application().run()


def bjoern(application: Any, listener: socket.socket) -> None:
    """C and libev, one thread."""
    import bjoern

    host, port = listener.getsockname()
    listener.close()
    bjoern.run(application, host, port)


WAYS: dict[str, Callable[[socket.socket], None]] = {
    "flask": lambda listener: granian(flask(), listener),
    "bytes": lambda listener: granian(fixed(), listener),
    "granian": lambda listener: granian(mock(), listener),
    "granian-8": lambda listener: granian(mock(), listener, 8),
    "waitress": lambda listener: waitress(mock(), listener),
    "cheroot": lambda listener: cheroot(mock(), listener),
    "gunicorn": lambda listener: gunicorn(mock(), listener),
    "bjoern": lambda listener: bjoern(mock(), listener),
}


def main(way: str, port: int) -> None:
    """Serves until it is killed."""
    from mockserver._server import listen

    if way in ("waitress", "cheroot", "gunicorn", "bjoern"):
        sys.path.append(from_pypi(way))
    WAYS[way](listen("127.0.0.1", port))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
