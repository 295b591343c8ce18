"""A mock that records its requests: what the suite really sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import openapi
from mockserver import Mock, Origin, create_app
from mockserver.http.server import Server, listen

WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
_code = re.compile(r"share_dv_\w+").sub


def frozen(folder: Path) -> Path:
    """The demo world with a frozen clock."""
    file = folder / "frozen.yaml"
    file.write_text(WORLD.read_text() + "\nclock: {now: 2030-01-01T00:00:00Z, frozen: true}\n")
    return file


@contextmanager
def tapped(world: Path, contract: openapi.Contract | None = None) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Serves a contract on a world; yields the base URL, and the list to which each request of the contract is added."""
    app = create_app(Mock(contract or openapi.load(), Origin(openapi.read_document(world), {})))
    sent: list[tuple[str, ...]] = []

    def wire(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        headers = sorted(f"{name}={value}" for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_TYPE")))
        if environ["PATH_INFO"] != "/":
            own = [each for each in headers if not each.startswith("HTTP_HOST=")]
            sent.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], body.decode(), *own))
        return app(environ, start_response)

    server = Server(wire, listen("127.0.0.1", 0), threads=8)
    try:
        yield server.url, sent
    finally:
        server.stop()


def without_minted(sent: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The requests with every minted code, and every placeholder for one, replaced by the same word."""
    given = WORLD.read_text()

    def masked(text: str) -> str:
        text = _code(lambda match: match[0] if match[0] in given else "minted", text)
        return text.replace("shareCode=unknown", "shareCode=minted")

    return [tuple(map(masked, each)) for each in sent]
