"""Reads YAML and JSON. Sizes are bounded, because a document may be untrusted."""

from __future__ import annotations

import json
from pathlib import Path

from openapi.document.document import Document
from openapi.document.errors import InvalidDocument, Problem
from openapi.document.json_text import NotJson, is_json, read_json
from openapi.document.limits import LARGEST_FILE
from openapi.document.yaml_text import read_yaml


def read_document(path: str | Path) -> Document:
    """Reads a file. Raises InvalidDocument, with the line, for one that is missing, too large, or neither YAML nor JSON."""
    file = str(path)
    try:
        with open(path, "rb") as stream:
            text = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise InvalidDocument([Problem(file, 1, f"cannot be read: {getattr(error, 'strerror', error)}")]) from None
    if len(text) > LARGEST_FILE:
        raise InvalidDocument([Problem(file, 1, f"is larger than {LARGEST_FILE // 1024 // 1024} MiB")])
    return parse_document(text, file)


def parse_document(text: str | bytes, file: str, *, only_json: bool = False) -> Document:
    """Parses text; `file` is the name in problems. Raises InvalidDocument.

    Text that begins like JSON is JSON if it can be, because YAML has such braces too. It must be with `only_json`, and if the
    file is called so.
    """
    text = text if isinstance(text, str) else _decoded(text, file)
    only_json = only_json or file.endswith(".json")
    if only_json or is_json(text):
        try:
            return Document(file, *read_json(text, file))
        except NotJson:
            if only_json:
                raise
    return Document(file, *read_yaml(text, file))


def _decoded(text: bytes, file: str) -> str:
    try:
        return text.decode(json.detect_encoding(text))
    except UnicodeError:
        raise InvalidDocument([Problem(file, 1, "is not text in UTF-8")]) from None
