"""Reads a page of any kind. Sizes are bounded, and nothing that a page refers to is read."""

from __future__ import annotations

from pathlib import Path

import openapi
from contracts.draft.documents import is_openapi, read_openapi
from contracts.draft.markdown import read_markdown
from contracts.draft.record import Page, Place
from contracts.draft.traffic import is_har, is_postman, read_har, read_postman

LARGEST_PAGE = 8 * 1024 * 1024
"""Bytes."""


def read_page(path: str) -> Page:
    """The operations of a file. Raises InvalidDocument, one sentence with file and line, for a file that is unusable."""
    place = Place(path, 1)
    try:
        with open(path, "rb") as stream:
            data = stream.read(LARGEST_PAGE + 1)
    except (OSError, ValueError) as error:
        raise place.error(f"cannot be read: {getattr(error, 'strerror', error)}", "name a page") from None
    if len(data) > LARGEST_PAGE:
        raise place.error(f"is larger than {LARGEST_PAGE // 1024 // 1024} MiB", "split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Place(path, line).error("is not text in UTF-8", "convert it, such as with iconv -f GB18030 -t UTF-8") from None
    if not text.strip():
        raise place.error("the page is empty", "export it again")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Place(path, line).error("has a zero byte, so it is no text", "name a page of text")
    return _read(text, path)


def _read(text: str, path: str) -> Page:
    begin = text.lstrip()[:1]
    kind = Path(path).suffix.lower()
    if (begin in "{[" and kind not in (".md", ".markdown")) or kind in (".json", ".har"):
        document = openapi.parse_document(text, path, only_json=kind in (".json", ".har"))
    elif kind in (".yaml", ".yml"):
        document = openapi.parse_document(text, path)
    else:
        return read_markdown(text.replace("\r\n", "\n").replace("\r", "\n"), path)
    data = document.data
    if is_openapi(data):
        return read_openapi(document)
    if is_har(data):
        return read_har(document)
    if is_postman(data):
        return read_postman(document)
    hint = "name a page of Markdown, an OpenAPI or Swagger document, a Postman collection of version 2 or a HAR file"
    raise Place(path, 1).error("is no document that is known", hint)
