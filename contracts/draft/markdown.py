"""Reads pages of Markdown and HTML, as generators export them or people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from contracts.draft.blocks import LONGEST_LINE, Block, Code, Table, Text, blocks
from contracts.draft.json_text import json_value
from contracts.draft.paths import METHODS, path_of
from contracts.draft.record import BODY, FORM, Example, Field, Operation, Page, Place
from contracts.draft.record import Code as ReplyCode
from contracts.draft.table import codes, columns_of, fields, is_codes, is_fields
from contracts.draft.text import by_language, one_line
from contracts.draft.types import schema_from, schema_of_texts
from contracts.draft.words import LABEL_OF

_call = re.compile(
    rf"(?:\d[\d.、)]*\s*)?(?P<method>{'|'.join(METHODS)})\s+(?P<path>(?:https?://|/|\{{\{{)\S+)", re.IGNORECASE
).fullmatch
_method = re.compile(rf"\b({'|'.join(METHODS)})\b", re.IGNORECASE).search
_listed_code = re.compile(r"(?:code\s*[:：]\s*)?(?P<code>\d{1,9})\s*[-:：=]\s*(?P<text>\S.*)").fullmatch
_leading_method = re.compile(rf"^({'|'.join(METHODS)})\s+(?=\S)", re.IGNORECASE)
_word = re.compile(r"[A-Za-z][\w-]*").fullmatch
_numbering = re.compile(r"^[\s#>*\-+•]*(?:[\d一二三四五六七八九十]+[.、)）]\s*)*(?:\d+(?:\.\d+)*\s+)?")
_front_matter = re.compile(r"\A---\n(?:.*\n){0,100}?---\n").sub
_media = re.compile(r"[a-z]+/[a-z0-9.+*-]+", re.IGNORECASE).findall
_NOISE = {201: "created", 204: "no content", 401: "unauthorized", 403: "forbidden", 404: "not found"}
"""The rows that a generator adds to each page, whatever the API does."""


def read_markdown(text: str, file: str) -> Page:
    """The operations of a page. Raises Unreadable for a page without an address, and for one that cannot be parsed."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_LINE:
            hint = f"lines have at most {LONGEST_LINE:,} characters"
            raise Place(file, number).error(f"the line has {len(line):,} characters", hint)
    reader = _Reader(file)
    for each in blocks(_front_matter(lambda match: "\n" * match[0].count("\n"), text, count=1)):
        reader.take(each)
    return reader.page()


class _Reader:
    """Reads the blocks in order. `section` is what the last label announced, and `operation` the one that is being read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.operations: list[Operation] = []
        self.common: list[ReplyCode] = []
        self.title = self.heading = self.section = self.schema = ""
        self.method = ""
        self.pending: str | None = None
        """A label whose value is on the next line."""
        self.schemas: dict[str, list[Field]] = {}

    @property
    def operation(self) -> Operation | None:
        return self.operations[-1] if self.operations else None

    def page(self) -> Page:
        """What was read. Raises Unreadable."""
        if not self.operations:
            hint = "write 接口地址: `/path`, Path: /path or a line such as POST /path"
            raise Place(self.file, 1).error("the page has no address of an operation", hint)
        for each in self.operations:
            self._finish(each)
        return Page(self.operations, self.title)

    def take(self, block: Block) -> None:
        """Reads one block."""
        if isinstance(block, Text):
            self._text(block)
        elif isinstance(block, Table):
            self._table(block)
        else:
            self._code(block)

    def _text(self, block: Text) -> None:
        text = one_line(block.text)
        if not text:
            return
        if match := _call(text.strip("`' ")):
            return self._begin(match["path"], match["method"], block.line)
        label, value = _label(text)
        if label:
            return self._labelled(label, value, block)
        if self.pending:
            label, self.pending = self.pending, None
            return self._labelled(label, text, block)
        if block.level:
            self.heading, self.section = _leading_method.sub("", _numbering.sub("", text)), ""
            self.title = self.title or self.heading
        elif self.section in ("codes", "common-codes") and (match := _listed_code(text)):
            self._add_codes([ReplyCode(int(match["code"]), by_language(match["text"]), Place(self.file, block.line))])
        elif self.section == "schemas":
            self.schema = text
        elif self.section == "description" and self.operation and not self.operation.description:
            self.operation.description = text

    def _labelled(self, label: str, value: str, block: Text) -> None:
        operation = self.operation
        if label in ("address", "method") and not value:
            self.pending = label
        elif label == "address":
            if "/" in value or _word(value):
                self._begin(value, "", block.line)
        elif label == "method":
            self._set_method(value)
        elif label == "media":
            if operation:
                operation.media += [each.lower() for each in _media(value)]
        elif label == "description":
            self.section = label
            if operation and value:
                operation.description = value
        elif label != "ignored":
            self.section, self.schema = label, ""

    def _set_method(self, value: str) -> None:
        match = _method(value)
        if match is None:
            return
        if self.operation and not self.operation.method:
            self.operation.method = match[1].lower()
        else:
            self.method = match[1].lower()

    def _begin(self, value: str, method: str, line: int) -> None:
        """A new operation, unless this is the address of the last one again."""
        if match := _method(value.split("/")[0]):
            method, value = match[1], value[match.end() :]
        path, query = path_of(value, Place(self.file, line))
        method = (method or self.method).lower()
        last = self.operation
        if last and last.path == path and last.method in ("", method) and not (last.codes or last.reply):
            last.method, last.summary = method or last.method, last.summary or self.heading
            return
        operation = Operation(method, path, Place(self.file, line), summary=self.heading)
        for name, text in parse_qsl(query, keep_blank_values=True)[:100]:
            operation.fields.append(Field(name, operation.place, "query", schema=schema_of_texts([text])))
        self.operations.append(operation)
        self.method, self.section, self.schemas = "", "", {}

    def _table(self, table: Table) -> None:
        columns = columns_of(table.header)
        operation = self.operation
        if is_codes(columns) and not self.section.startswith("request"):
            self._add_codes(codes(table, self.file))
        elif operation and is_fields(columns):
            self._fields(operation, table)

    def _add_codes(self, found: list[ReplyCode]) -> None:
        if self.operation is None or self.section == "common-codes":
            self.common += found
        else:
            self.operation.codes += found

    def _fields(self, operation: Operation, table: Table) -> None:
        section = self.section
        if section == "schemas" and self.schema:
            self.schemas[self.schema.lower()] = fields(table, self.file)
            operation.fields = _expanded(operation.fields, self.schemas)
            operation.reply = _expanded(operation.reply, self.schemas)
        elif section in ("reply", "reply-example", "codes"):
            known = {each.name for each in operation.reply}
            operation.reply += [each for each in fields(table, self.file) if each.name not in known]
        else:
            location = section.removeprefix("request-") if section.startswith("request-") and section != "request-example" else ""
            found = fields(table, self.file, location)
            if location == "header":
                found = [each for each in found if each.name.lower() not in ("content-type", "accept")]
            operation.fields += found

    def _code(self, block: Code) -> None:
        operation = self.operation
        if operation is None or len(block.text) > LONGEST_LINE:
            return
        value = json_value(block.text)
        if value is None:
            return
        example = Example(value, Place(self.file, block.line))
        if self.section.startswith("request") and not operation.request_example:
            operation.request_example = example
        elif not self.section.startswith("request"):
            operation.examples.append(example)

    def _finish(self, operation: Operation) -> None:
        operation.codes += [each for each in self.common if each.value not in {own.value for own in operation.codes}]
        if not operation.method:
            operation.method = "post" if any(operation.at(BODY, FORM)) or operation.request_example else "get"
            operation.todos.append(f"{operation.place}: the page names no method; {operation.method} is a guess")
        self._drop_noise(operation)
        for each in operation.fields:
            each.location = each.location or self._place_of(each, operation)
        operation.fields = _unwrapped(operation)
        if operation.request_example and not any(operation.at(BODY, FORM)) and operation.method not in ("get", "delete"):
            self._body_of_example(operation, operation.request_example)

    def _drop_noise(self, operation: Operation) -> None:
        noise = [each for each in operation.codes if _is_noise(each)]
        rest = [each for each in operation.codes if each not in noise and each.value != 200]
        if noise and not any(isinstance(each.value, int) and 400 <= each.value < 600 for each in rest):
            operation.codes = [each for each in operation.codes if each not in noise]
            names = ", ".join(str(each.value) for each in noise)
            operation.notes.append(f"{noise[0].place}: {names} are left out; the generator adds them to each page")

    def _place_of(self, field: Field, operation: Operation) -> str:
        """Where a field is if the page does not say."""
        if f"{{{field.name}}}" in operation.path:
            return "path"
        if field.schema.get("format") == "binary":
            return FORM
        has_body = operation.method in ("post", "put", "patch")
        if not has_body:
            return "query"
        form = any("form" in each for each in operation.media)
        place = FORM if form else BODY if operation.request_example or "application/json" in operation.media else "query"
        if not operation.media:
            operation.todos.append(f"{field.place}: the page does not say where {field.name} is; in: {place} is a guess")
        return place

    def _body_of_example(self, operation: Operation, example: Example) -> None:
        value = example.value
        for name, each in value.items() if isinstance(value, dict) else ():
            field = Field(str(name), example.place, BODY, schema=schema_from([each]))
            field.guesses.append("its type is that of the example")
            operation.fields.append(field)


def _label(text: str) -> tuple[str, str]:
    """The label that a line begins with, and the rest; two empty texts if it begins with none."""
    plain = _numbering.sub("", text)
    head, colon, value = plain.partition(":")
    wide = plain.partition("：")
    if wide[1] and len(wide[0]) < len(head):
        head, colon, value = wide
    spellings = [head, *re.split(r"[/(（)）|]|(?<=[㐀-鿿])\s", head)]
    for each in spellings:
        word = re.sub(r"[-\s]*\d{3}$", "", each.strip(" *`")).strip().lower()
        if meaning := LABEL_OF.get(word):
            if not colon and meaning in ("address", "method") and len(word) < len(head.strip()):
                continue
            return meaning, value.strip(" `'*")
    return "", ""


def _is_noise(code: ReplyCode) -> bool:
    return isinstance(code.value, int) and code.messages.get("en", "").lower() == _NOISE.get(code.value)


def _expanded(found: Iterable[Field], schemas: dict[str, list[Field]]) -> list[Field]:
    """Fields with the children that a table of their type lists elsewhere on the page."""
    result = []
    for each in found:
        if not each.children and (children := schemas.get(each.type_name.lower())) is not None:
            each.children = [child for child in children if child.name != each.name or not child.children]
        result.append(each)
    return result


def _unwrapped(operation: Operation) -> list[Field]:
    """The fields, with the properties of a body in place of the parameter that stands for the whole body."""
    result: list[Field] = []
    bodies = [*operation.at(BODY)]
    for each in operation.fields:
        if each.location != BODY or (not each.children and (each.schema.get("type", "object") != "object" or len(bodies) > 1)):
            result.append(each)
        elif each.children and len(bodies) == 1:
            for child in each.children:
                child.location = BODY
            result += each.children
        elif each.children or not operation.request_example:
            result.append(each)
    return result
