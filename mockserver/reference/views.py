"""The page `/_mock/docs`: Swagger UI, the files that it needs, and the document that it shows.

The page is for everyone who may read the contract, which needs no token. It runs no scripts but those files, and asks nobody
but this mock.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, redirect, send_file
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as Redirect

import openapi
from mockserver.http.reply import JSON, encoded
from mockserver.reference.document import reference_document
from mockserver.serving.mock import Mock

PAGE = "/_mock/docs"
ASSETS = Path(__file__).parent / "assets"
SWAGGER_UI = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
OWN = ("reference.js", "reference.css")
HEADERS = {
    # Swagger UI sets styles by script, which a policy does not concern; its icons are data.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def is_reference(path: str) -> bool:
    """Whether a path belongs to the reference."""
    return path == PAGE or path.startswith(f"{PAGE}/")


def reference(mock: Mock) -> Blueprint:
    """Its routes."""
    blueprint = Blueprint("reference", __name__)

    @lru_cache(maxsize=1)
    def document_of(contract: openapi.Contract) -> bytes:
        return encoded(reference_document(contract))

    @blueprint.get(PAGE)
    def page() -> Response:
        return send_file(ASSETS / "index.html")

    @blueprint.get(f"{PAGE}/")
    def slash() -> Redirect:
        return redirect("../docs", 308)

    @blueprint.get(f"{PAGE}/openapi.json")
    def document() -> Response:
        return Response(document_of(mock.contract), content_type=JSON)

    @blueprint.get(f"{PAGE}/<name>")
    def asset(name: str) -> Response:
        return send_file(_file(name))

    @blueprint.after_request
    def restricted(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return blueprint


def _file(name: str) -> Path:
    """A file of the page. Raises NotFound for any other name."""
    if name in OWN:
        return ASSETS / name
    if name in SWAGGER_UI:
        return Path(str(files("flask_swagger_ui"))) / "dist" / name
    raise NotFound
