"""Tables of a page: fields with their children, and codes with their messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from contracts.draft.blocks import Row, Table
from contracts.draft.record import Code, Field, Place
from contracts.draft.text import by_language, one_line
from contracts.draft.types import enrich, schema_of
from contracts.draft.words import COLUMN_OF, LOCATION_OF, NOTHING, YES

LONGEST_NAME = 200
_code = re.compile(r"-?\d{1,18}|[A-Z][A-Z0-9_.-]{0,40}|[A-Za-z]{1,10}[-_.]?\d{1,12}").fullmatch
Columns = Mapping[str, int]
"""The position of each column, by what it holds."""


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """What the columns of a table hold; of a column that is named in two languages, by either."""
    found: dict[str, int] = {}
    for position, title in enumerate(header):
        meaning = next(filter(None, (COLUMN_OF.get(each) for each in _spellings(title))), "")
        if meaning == "description" and "description" in found:
            meaning = "message"
        if meaning and meaning not in found:
            found[meaning] = position
    if found.get("description") == 0 and "name" not in found and "code" not in found and "message" in found:
        return {**found, "name": 0, "description": found["message"]}  # a page that heads the names with 参数说明
    return found


def _spellings(title: str) -> Iterable[str]:
    text = " ".join(title.split()).strip(" :：").lower()
    yield text
    yield from (each.strip() for each in re.split(r"[/(（)）|]|(?<=[㐀-鿿])\s", text))


def is_codes(columns: Columns) -> bool:
    """Whether a table lists codes."""
    return (
        "code" in columns
        and "name" not in columns
        and not columns.keys().isdisjoint(("description", "message", "meaning", "zh", "en"))
    )


def is_fields(columns: Columns) -> bool:
    """Whether a table lists parameters, or properties of a body."""
    return "name" in columns and not columns.keys().isdisjoint(("type", "required", "description", "in", "schema", "default"))


def codes(table: Table, file: str) -> list[Code]:
    """The rows of a table of codes. Rows whose code is none are left out."""
    columns = columns_of(table.header)
    is_status = {"meaning", "description"} <= columns.keys()  # of generators that list HTTP statuses with their phrases
    found = []
    for row in table.rows:
        text = _cell(row, columns, "code")
        if not _code(text):
            continue
        messages = {**by_language(_first(row, columns, ("description", "message", "meaning")))}
        for language in ("zh", "en"):
            if each := _cell(row, columns, language):
                messages[language] = one_line(each)
        value: int | str = int(text) if re.fullmatch(r"-?(0|[1-9]\d*)", text) else text
        status = is_status and isinstance(value, int) and 100 <= value < 600
        found.append(Code(value, messages, Place(file, row.line), status))
    return found


def _first(row: Row, columns: Columns, names: Sequence[str]) -> str:
    return next((text for name in names if (text := _cell(row, columns, name))), "")


def _cell(row: Row, columns: Columns, name: str) -> str:
    position = columns.get(name)
    text = row.cells[position].strip() if position is not None and position < len(row.cells) else ""
    return "" if text.lower() in NOTHING else text


def fields(table: Table, file: str, location: str = "") -> list[Field]:
    """The fields of a table. A row that is further indented than an earlier one is its child."""
    columns = columns_of(table.header)
    top: list[Field] = []
    above: list[tuple[int, Field]] = []
    for row in table.rows:
        name = _cell(row, columns, "name").split("\n")[0].strip().rstrip("*").strip()
        if not name or name in ("anonymous", "*anonymous") or len(name) > LONGEST_NAME:
            continue
        each = _field(row, columns, name, Place(file, row.line), location)
        while above and above[-1][0] >= row.depth:
            above.pop()
        (above[-1][1].children if above else top).append(each)
        above.append((row.depth, each))
    return top


def _field(row: Row, columns: Columns, name: str, place: Place, location: str) -> Field:
    where, required = _cell(row, columns, "in").lower(), _cell(row, columns, "required").lower()
    if required in LOCATION_OF and where in ("true", "false"):  # a page whose two headers are swapped
        where, required = required, where
    type_name = _cell(row, columns, "type")
    if type_name.lower() in LOCATION_OF and not where and "schema" in columns:
        where, type_name = type_name.lower(), _cell(row, columns, "schema")
    parts = (_cell(row, columns, "title"), _cell(row, columns, "description"), _cell(row, columns, "more"))
    description = "\n".join(each for each in parts if each)
    schema = schema_of(type_name) or schema_of(_cell(row, columns, "schema"))
    field = Field(
        name=name,
        place=place,
        location=LOCATION_OF.get(where, location),
        required=required in YES,
        type_name=type_name or _cell(row, columns, "schema"),
        schema=schema,
        description=description,
    )
    if not schema and not type_name and "type" not in columns:
        field.schema = {"type": "string"}
    enrich(field, _cell(row, columns, "default"))
    field.description = one_line(description)
    return field
