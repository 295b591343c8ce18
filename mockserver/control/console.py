"""The console: a page that drives the control plane from a browser, and the files that it loads.

They hold no data, so they need no token; the page asks for it.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import Blueprint, Response, request

from mockserver.http.reply import problem

FOLDER = files("mockserver") / "console" / "assets"
PAGE, ASSETS = "/_mock/", "/_mock/console/"
INDEX = "index.html"
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
"""Media types by the ending of a file; a file with another one is plain text."""
POLICY = "; ".join(
    [
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"),
        *("font-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    ]
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def is_console(path: str) -> bool:
    """Whether a path is that of the page or of one of its files."""
    return path in ("/", PAGE, PAGE.rstrip("/")) or path.startswith(ASSETS)


def console(folder: Traversable = FOLDER) -> Blueprint:
    """Its routes. The files that can be loaded are those that the folder has now: no name of a request leads elsewhere."""
    blueprint = Blueprint("console", __name__)
    known = {each.name: each for each in folder.iterdir() if each.is_file()} if folder.is_dir() else {}

    @blueprint.get("/", endpoint="root", provide_automatic_options=False)
    @blueprint.get(PAGE, provide_automatic_options=False)
    def page() -> Response:
        return _reply(
            known.get(INDEX), "this mock was installed without its console; /_mock/openapi.yaml describes the control plane"
        )

    @blueprint.get(f"{ASSETS}<file>", provide_automatic_options=False)
    def asset(file: str) -> Response:
        return _reply(known.get(file), "the console has no such file")

    return blueprint


def _reply(file: Traversable | None, otherwise: str) -> Response:
    if file is None:
        reply = problem(404, otherwise)
        return Response(reply.body, reply.status, reply.headers)
    response = Response(file.read_bytes(), content_type=TYPES.get(file.name.rpartition(".")[2], "text/plain; charset=utf-8"))
    response.headers.update(HEADERS)
    response.add_etag()
    response.make_conditional(request)
    return response
