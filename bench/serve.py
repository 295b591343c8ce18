"""Serves one application with one HTTP server: `python -m bench.serve APPLICATION SERVER PORT`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

from bench._tools import from_pypi

BODY = b'{"code": 200, "msg": "ok", "data": "share_dv_C1822205500000000000000000000000000000000", "extMsg": ""}'
HOST = "127.0.0.1"


BASE = {"SERVER_NAME": HOST, "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": "", "wsgi.url_scheme": "http"}


class AtOnce:
    """An application that the mock's server calls on its event loop, like the operations of the contract: its fastest path."""

    def __init__(self, application: Any) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        result: Iterable[bytes] = self.application(environ, start_response)
        return result

    def reply(self, environ: dict[str, Any]) -> Any:
        """The reply, without a thread."""
        from mockserver.http.reply import called

        return called(self.application, {"wsgi.input": BytesIO(), **BASE, **environ})


def mock() -> Any:
    """The mock on its demo world, as `mockserver serve --max-rows 10000000` serves it."""
    import openapi
    from mockserver import Bounds, Mock, Origin, create_app
    from mockserver.cli.main import spare_the_collector

    world = openapi.read_document(Path(openapi.__file__).parent / "worlds" / "demo.yaml")
    app = create_app(Mock(openapi.load(), Origin(world, os.environ), Bounds(rows=10_000_000)))
    spare_the_collector()
    return app.wsgi_app


def flask() -> Any:
    """A plain Flask view without state and rules."""
    from flask import Flask, request

    app = Flask("bare")

    @app.post("/v2/binding/enduserapi/shareInfo")
    def share_info() -> dict[str, Any]:
        return {"code": 200, "msg": "ok", "data": f"share_dv_{request.args['dk']}", "extMsg": ""}

    return app


def fixed() -> Any:
    """Fixed bytes for every request, to measure the server alone."""
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [BODY]

    return AtOnce(application)


def ours(application: Any, port: int) -> None:
    """The mock's own server: uvloop (if available) and llhttp."""
    from mockserver.http.server import Server, listen

    Server(application, listen(HOST, port), 8)
    Event().wait()


def plain(application: Any, port: int) -> None:
    """The mock's own server on asyncio's loop, as without uvloop."""
    import asyncio

    from mockserver.http import server

    server.new_event_loop = asyncio.new_event_loop
    ours(application, port)


def uvicorn(application: Any, port: int) -> None:
    """uvicorn: the same loop and parser, through ASGI."""
    import asyncio

    import uvicorn

    from mockserver.http.reply import called

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        environ = {f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode("latin-1") for name, value in scope["headers"]}
        environ |= {"REQUEST_METHOD": scope["method"], "PATH_INFO": scope["path"], "QUERY_STRING": scope["query_string"].decode()}
        reply = application.reply(environ)
        if reply is None:
            body = (await receive())["body"]
            sent = {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            reply = called(application, BASE | environ | sent)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        headers = [(name.encode(), value.encode()) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": int(reply.status[:3]), "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    uvicorn.run(asgi, port=port, loop="auto", http="httptools", lifespan="off", log_level="critical", access_log=False)


def granian(application: Any, port: int) -> None:
    """granian: Rust with one Python thread; it imports the application itself."""
    from granian import Granian
    from granian.constants import Interfaces

    target = f"bench.serve:{sys.argv[1]}"
    Granian(
        target, address=HOST, port=port, interface=Interfaces.WSGI, blocking_threads=1, factory=True, log_enabled=False
    ).serve()


def fastpysgi(application: Any, port: int) -> None:
    """fastpysgi: C, libuv and llhttp, one thread."""
    import fastpysgi

    fastpysgi.run(application, host=HOST, port=port)


def bjoern(application: Any, port: int) -> None:
    """bjoern: C and libev, one thread."""
    import bjoern

    bjoern.run(application, HOST, port)


def waitress(application: Any, port: int) -> None:
    """waitress: pure Python, one event loop and threads."""
    import waitress

    waitress.serve(application, host=HOST, port=port, threads=4)


def cheroot(application: Any, port: int) -> None:
    """cheroot: pure Python, threads."""
    from cheroot.wsgi import Server

    Server((HOST, port), application, numthreads=4).start()


def gunicorn(application: Any, port: int) -> None:
    """gunicorn: one process with threads."""
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {"bind": f"{HOST}:{port}", "worker_class": "gthread", "threads": 4, "keepalive": 60}.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return application

    Application().run()


APPLICATIONS: dict[str, Callable[[], Any]] = {
    "mock": mock,
    "flask": flask,
    "flask-at-once": lambda: AtOnce(flask()),
    "fixed": fixed,
}
WAYS: dict[str, Callable[[Any, int], None]] = {
    each.__name__: each for each in (ours, plain, uvicorn, granian, fastpysgi, bjoern, waitress, gunicorn, cheroot)
}
PACKAGES = {"bjoern": "bjoern-binary"}
"""The package of a server, where its name differs."""


def package(way: str) -> str | None:
    """The package that a server needs and the project does not have."""
    return None if way in ("ours", "plain") else PACKAGES.get(way, way)


def main(application: str, way: str, port: int) -> None:
    """Serves until it is killed."""
    if (name := package(way)) is not None:
        sys.path.append(from_pypi(name))
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    WAYS[way](None if way == "granian" else APPLICATIONS[application](), port)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
