"""Documents that travel as text: a contract with the files that it refers to, and a world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import openapi

LARGEST = 64 * 1024 * 1024
"""The most bytes of all files of a contract."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """One file."""

    path: str
    """Where it lies, below the folder of the first file."""
    name: str
    """What reports call it."""
    text: bytes


@dataclass(frozen=True, slots=True, repr=False)
class ContractText:
    """The files of a contract, the first one before those that it refers to."""

    files: tuple[TextFile, ...]

    @staticmethod
    def of(contract: openapi.Contract) -> ContractText:
        """The files of a contract that was loaded from files. Raises InvalidDocument where they cannot be read any more."""
        folder = Path(contract.files[0]).resolve().parent
        found, size = [], 0
        for file in contract.files:
            try:
                text = Path(file).read_bytes()
            except OSError as error:
                raise openapi.InvalidDocument([openapi.Problem(file, 1, f"cannot be read: {error.strerror}")]) from None
            size += len(text)
            if size > LARGEST:
                why = f"and its files are larger than {LARGEST // 1024 // 1024} MiB"
                raise openapi.InvalidDocument([openapi.Problem(contract.file, 1, why)])
            found.append(TextFile(Path(file).resolve().relative_to(folder).as_posix(), openapi.short_name(file), text))
        return ContractText(tuple(found))

    def load(self) -> openapi.Contract:
        """The contract, whose files have the names that they had where it came from. Raises InvalidDocument."""
        first, *others = self.files
        with TemporaryDirectory() as folder:
            for each in self.files:
                target = Path(folder) / _inside(each.path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(each.text)
            document = openapi.whole_document(Path(folder) / _inside(first.path))
        names = {each.path: each.name for each in others}
        return openapi.load(replace(document, file=first.name, files={key: names.get(key, key) for key in document.files}))


@dataclass(frozen=True, slots=True, repr=False)
class WorldText:
    """A world file."""

    name: str
    """What errors call it."""
    text: bytes

    def document(self) -> openapi.Document:
        """Its data with the lines. Raises InvalidDocument."""
        return openapi.parse_document(self.text, self.name)


def _inside(path: str) -> PurePosixPath:
    """A path that stays below a folder. Raises InvalidDocument for another one."""
    found = PurePosixPath(path)
    if found.is_absolute() or ".." in found.parts or not found.parts:
        raise openapi.InvalidDocument([openapi.Problem(path, 1, "is not a path below the folder of the contract")])
    return found
