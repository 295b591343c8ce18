"""One list of operations from several pages: the same operation on two pages is one, with the messages of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.draft.record import Operation, Page

SCHEMAS = "#/components/schemas/"


def merged(pages: Iterable[Page]) -> tuple[list[Operation], dict[str, Any], dict[str, Any]]:
    """The operations, schemas and security schemes of all pages."""
    operations: dict[tuple[str, str], Operation] = {}
    schemas: dict[str, Any] = {}
    schemes: dict[str, Any] = {}
    for page in pages:
        names = _adopt(page.schemas, schemas)
        security = _adopt(page.security_schemes, schemes)
        schemas.update({names[name]: _renamed(each, names) for name, each in page.schemas.items()})
        schemes.update({security[name]: each for name, each in page.security_schemes.items()})
        for each in page.operations:
            _rename(each, names, security)
            key = each.method, each.path
            if key in operations:
                _merge(operations[key], each)
            else:
                operations[key] = each
    return [*operations.values()], schemas, schemes


def _adopt(new: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    """The name of each new part among the known ones: another one if something else is called so."""
    names: dict[str, str] = {}
    for name, each in new.items():
        found, number = name, 2
        while (found in known and known[found] != each) or found in names.values():
            found, number = f"{name}{number}", number + 1
        names[name] = found
    return names


def _rename(operation: Operation, names: Mapping[str, str], security: Mapping[str, str]) -> None:
    for each in operation.fields:
        each.schema = _renamed(each.schema, names)
    kept = operation.kept
    for key in ("requestBody", "responses"):
        if key in kept:
            kept[key] = _renamed(kept[key], names)
    if "security" in kept:
        kept["security"] = [{security[name]: scopes for name, scopes in each.items()} for each in kept["security"]]


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A part of a document with the new names of its schemas; a reference to none is an empty schema."""
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if isinstance(value, str) and value.startswith(SCHEMAS):
        return SCHEMAS + names.get(value.removeprefix(SCHEMAS), value.removeprefix(SCHEMAS))
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix(SCHEMAS).replace("~1", "/").replace("~0", "~")
        return {"$ref": SCHEMAS + names[name].replace("~", "~0").replace("/", "~1")} if name in names else {}
    return {key: _renamed(each, names) for key, each in value.items()}


def _merge(known: Operation, other: Operation) -> None:
    """Adds what another page says. Where both say something else, the first page counts and a person decides."""
    for code in other.codes:
        mine = next((each for each in known.codes if each.value == code.value), None)
        if mine is None:
            known.codes.append(code)
            continue
        for language, text in code.messages.items():
            if mine.messages.setdefault(language, text) != text:
                known.todos.append(f"{code.place}: the message of {code.value} differs from that at {mine.place}")
    for each in other.fields:
        same = next((mine for mine in known.fields if mine.name == each.name and mine.location == each.location), None)
        if same is None:
            known.fields.append(each)
        else:
            same.required = same.required or each.required
            if each.description and each.description not in same.description:
                same.description = f"{same.description} / {each.description}" if same.description else each.description
            for key, value in each.schema.items():
                same.schema.setdefault(key, value)
    known.examples += other.examples
    known.reply = known.reply or other.reply
    known.media += [each for each in other.media if each not in known.media]
    known.request_example = known.request_example or other.request_example
    known.summary, known.description = known.summary or other.summary, known.description or other.description
    known.kept = other.kept | known.kept
    known.todos += other.todos
