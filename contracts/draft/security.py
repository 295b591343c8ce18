"""The security schemes of a draft, and the let of the session of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from contracts.draft.record import Field, Operation
from contracts.draft.usable import is_name
from contracts.draft.words import CREDENTIALS, NOT_LOGGED_IN, TOKEN

SCHEME_NAMES = ("token", "credential", "loginToken", "accessCredential")


class Security:
    """Finds out which operations need a credential, and where it is."""

    def __init__(self, operations: Sequence[Operation], schemes: dict[str, Any]) -> None:
        self.operations, self.schemes = operations, schemes
        self.callers: dict[str, str] = {}
        """The let of the session, by security scheme."""
        self.todos: list[str] = []

    def credential(self, operation: Operation) -> str:
        """The security scheme of an operation; empty for one without. A parameter that holds a credential becomes the scheme."""
        name = self._documented(operation) if "security" in operation.kept else self._found(operation)
        return self._usable(name) if name else ""

    def _documented(self, operation: Operation) -> str:
        choices = operation.kept["security"]
        names: list[str] = [*dict.fromkeys(name for each in choices for name in each)]
        if not names or not all(choices):
            return ""
        if len(names) > 1:
            operation.todos.append(f"{operation.place}: of the security schemes {', '.join(names)} the first is taken")
        return names[0]

    def _found(self, operation: Operation) -> str:
        headers = [each for each in operation.fields if _is_credential(each)]
        queries = [each for each in operation.at("query") if each.name.lower() in ("token", "access_token")]
        asked = any(NOT_LOGGED_IN(text) or TOKEN(text) for each in operation.codes for text in each.messages.values())
        found = next(iter(headers or (queries if asked else [])), None)
        if found:
            operation.fields = [each for each in operation.fields if each not in headers and each is not found]
            return self._named({"type": "apiKey", "in": found.location, "name": found.name})
        if not asked or any(TOKEN(each.name) for each in operation.fields):
            return ""
        known = len(self.schemes)
        name = self._named({"type": "apiKey", "in": "header", "name": "Authorization"})
        if len(self.schemes) > known:
            self.todos.append(f"{operation.place}: the page asks for a token; is it in the header Authorization?")
        return name

    def _named(self, scheme: dict[str, str]) -> str:
        name = next((name for name, each in self.schemes.items() if each == scheme), "")
        if not name:
            name = next(each for each in SCHEME_NAMES if each not in self._taken() | self.schemes.keys())
            self.schemes[name] = scheme
        return name

    def _taken(self) -> set[str]:
        """The names of the parameters that stay parameters."""
        fields = [each for one in self.operations for each in one.fields if not _is_credential(each)]
        return {name for each in fields for name in (each.name, each.called)}

    def _usable(self, name: str) -> str:
        """The name of a scheme that a rule can use; with it, the let of its session."""
        if not is_name(name):
            parts = re.findall(r"[A-Za-z0-9]+", name)
            new = "".join(each[0].upper() + each[1:] for each in parts)
            new = new[:1].lower() + new[1:] if new[:1].isalpha() else "credential"
            if name in self.schemes:
                self.schemes[new] = self.schemes.pop(name)
            name = new
        if name not in self.callers:
            taken = self._taken() | self.schemes.keys() | {*self.callers.values()}
            names = ("caller", *(f"caller{number}" for number in range(2, 1000)))
            self.callers[name] = next(each for each in names if each not in taken)
        return name


def _is_credential(each: Field) -> bool:
    return each.location in ("header", "cookie") and each.name.lower() in CREDENTIALS
