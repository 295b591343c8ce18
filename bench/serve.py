"""What a request costs without the mock: `python -m bench.serve flask|bytes PORT`, on the WSGI server that the mock uses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Event
from typing import Any

THREADS = 1
BODY = b'{"code": 200, "msg": "ok", "data": "share_dv_C1822205500000000000000000000000000000000", "extMsg": ""}'


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


APPLICATIONS: dict[str, Callable[[], Any]] = {"flask": flask, "bytes": fixed}


def main(name: str, port: int) -> None:
    """Serves until it is killed."""
    from mockserver._server import Server, listen

    server = Server(APPLICATIONS[name](), listen("127.0.0.1", port), THREADS)
    print(server.url, flush=True)
    Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
