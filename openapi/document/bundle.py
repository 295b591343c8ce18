"""One document from the files that refer to each other: whatever reads it afterwards meets references inside it only.

Files are read below the folder of the first one, and never from the network: a contract may be untrusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from openapi.document.document import FILES, Document, escaped
from openapi.document.errors import InvalidDocument, Problem
from openapi.document.limits import MOST_VALUES
from openapi.document.reader import read_document

MOST_FILES = 500


def read_with_files(path: str | Path) -> Document:
    """Reads a file and those that its references name, which are then in its section `FILES`.

    A reference that leads elsewhere is left as it is and noted in `unread`. Raises InvalidDocument, with the line, for a file
    that is too large or neither YAML nor JSON, and for the first one if it is missing.
    """
    document = read_document(path)
    return _Bundler(Path(path).resolve(), document).bundle() if any(_leads_out(document.data)) else document


def _leads_out(value: Any) -> Iterator[bool]:
    """True for each reference to another file."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            yield True
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _leads_out(each)


class _Bundler:
    def __init__(self, path: Path, document: Document) -> None:
        self.path, self.document, self.folder = path, document, path.parent
        self.keys: dict[Path, str] = {}
        self.found: list[tuple[Path, Document]] = []  # in the order in which they were found
        self.unread: dict[str, str] = {}

    def bundle(self) -> Document:
        document = self.document
        if isinstance(document.data, dict) and FILES in document.data:
            raise InvalidDocument(
                [Problem(document.file, 1, f"has the key {FILES}, under which other files would be", "rename it")]
            )
        data = self._rewritten(document.data, self.path, "#")
        parts, lines = dict[str, Any](), dict(document.lines)
        for path, each in self.found:  # which grows meanwhile
            key = self.keys[path]
            parts[key] = self._rewritten(each.data, path, f"#/{FILES}/{escaped(key)}")
            lines.update({(FILES, key, *pointer): line for pointer, line in each.lines.items()})
            if len(lines) > MOST_VALUES:
                raise InvalidDocument([Problem(document.file, 1, f"and its files have more than {MOST_VALUES} values")])
        files = {self.keys[path]: each.file for path, each in self.found}
        return replace(document, data={**data, FILES: parts} if parts else data, lines=lines, files=files, unread=self.unread)

    def _rewritten(self, value: Any, path: Path, base: str) -> Any:
        """The data of a file, with references inside the bundle. `base` is the reference to the file itself."""
        if isinstance(value, list):
            return [self._rewritten(each, path, base) for each in value]
        if not isinstance(value, dict):
            return value
        data = {name: self._rewritten(each, path, base) for name, each in value.items()}
        if isinstance(reference := value.get("$ref"), str):
            data["$ref"] = self._reference(reference, path, base)
        if isinstance(value.get("propertyName"), str) and isinstance(mapping := value.get("mapping"), dict):  # a discriminator
            data["mapping"] = {
                name: self._reference(each, path, base) if isinstance(each, str) and ("#" in each or "." in each) else each
                for name, each in mapping.items()
            }
        return data

    def _reference(self, reference: str, path: Path, base: str) -> str:
        file, _, fragment = reference.partition("#")
        if not file:
            return f"{base}{fragment}"
        target = self._target(file, path, reference)
        if target is None:
            return reference
        return f"#{fragment}" if target == self.path else f"#/{FILES}/{escaped(self.keys[target])}{fragment}"

    def _target(self, file: str, path: Path, reference: str) -> Path | None:
        """The file that a reference leads to, which is then read; None where it may not or cannot be."""
        if urlsplit(file).scheme or file.startswith("//"):
            self.unread[reference] = "leads to the network, from which nothing is read; save it beside the document"
            return None
        target = (path.parent / unquote(file)).resolve()
        if target != self.path and target not in self.keys:
            if not target.is_relative_to(self.folder):
                self.unread[reference] = f"leads out of {self.folder}, the folder of the document; put the file below it"
                return None
            if not target.is_file():
                self.unread[reference] = "leads to a file that does not exist"
                return None
            if len(self.found) >= MOST_FILES:
                raise InvalidDocument([Problem(self.document.file, 1, f"refers to more than {MOST_FILES} files")])
            self.keys[target] = target.relative_to(self.folder).as_posix()
            self.found.append((target, read_document(target)))
        return target
