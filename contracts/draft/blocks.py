"""A page of Markdown or HTML as a flat sequence of blocks, each with its line.

Only the block structure of Markdown is parsed: what is inside a line is cleaned here, so that a hostile line costs no more than
its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

from contracts.draft.text import cleaned

LONGEST_LINE = 100_000
MOST_COLUMNS, MOST_ROWS, MOST_NESTED = 100, 20_000, 20
_INDENTS = ("\u2003", "\u2002", "\u3000", "\u00a0")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_comments = re.compile(r"<!--[^<>]{0,5000}-->").sub
_stray = re.compile(r"<(?!/?[A-Za-z][^<>]{0,2000}>)").sub
"""What begins like a tag and is none; the parser would search its end again and again."""
_SILENT = ("script", "style", "template")


@dataclass(frozen=True, slots=True)
class Text:
    """One line of prose; `level` is that of a heading, and 0 for other text."""

    line: int
    text: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """The content of a fenced block."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    line: int
    cells: tuple[str, ...]
    depth: int = 0
    """How far its first cell is indented: 0 for a row of its own, more for a child of an earlier one."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its header."""

    line: int
    header: tuple[str, ...]
    rows: tuple[Row, ...]


Block = Text | Code | Table


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page in order."""
    parser = MarkdownIt("commonmark", {"maxNesting": MOST_NESTED}).enable("table").disable(["inline", "reference"])
    yield from _Reader(parser.parse(text)).blocks()


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.html = tokens, _Html()

    def blocks(self) -> Iterator[Block]:
        heading, table, row = 0, [], None  # type: int, list[Row], list[str] | None
        for token in self.tokens:
            line = (token.map[0] if token.map else 0) + 1
            if token.type != "html_block":
                yield from self.html.found()
            if token.type == "heading_open":
                heading = int(token.tag[1])
            elif token.type == "heading_close":
                heading = 0
            elif token.type == "table_open":
                table = []
            elif token.type == "tr_open":
                row, row_line = [], line
            elif token.type == "tr_close" and row is not None:
                if len(table) < MOST_ROWS:
                    table.append(_row(row_line, row))
                row = None
            elif token.type == "table_close" and table:
                yield Table(table[0].line, table[0].cells, tuple(table[1:]))
            elif token.type in ("fence", "code_block"):
                yield Code(line + (token.type == "fence"), token.content)
            elif token.type == "html_block":
                self.html.read(token.content, line)
                yield from self.html.found()
            elif token.type == "inline" and row is not None:
                row.append(token.content)
            elif token.type == "inline":
                for number, each in enumerate(token.content.splitlines()):
                    yield Text(line + number, cleaned(each), heading)
        yield from self.html.found(last=True)


def _row(line: int, cells: list[str]) -> Row:
    """A row with cleaned cells. Children are indented by wide spaces, or marked by `»` or `├`."""
    first = cleaned(cells[0]).replace("\n", " ") if cells else ""
    raw = cells[0].replace("&emsp;", "\u2003").replace("&ensp;", "\u2002").replace("&nbsp;", "\u00a0") if cells else ""
    raw = raw.strip(" \t")
    depth, rest = 0, raw
    while rest and (rest[0] in _INDENTS or (rest[0] in "»├└─│-> " and rest.strip("»├└─│-> "))):
        depth += rest[0] in _INDENTS or rest[0] in "»├└"
        rest = rest[1:]
    name = first.lstrip("».├└─│-> " + "".join(_INDENTS)) or first
    return Row(line, (name, *map(cleaned, cells[1:MOST_COLUMNS])), depth)


@dataclass
class _Cell:
    line: int
    parts: list[str] = field(default_factory=list)
    indent: int = 0


class _Html(HTMLParser):
    """Finds tables, headings and paragraphs of HTML; a table may go on over several blocks of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.ready: list[Block] = []
        self.first = 1
        self.silent: str = ""
        self.rows: list[list[_Cell]] | None = None
        self.text: _Cell | None = None
        self.level = 0

    def read(self, text: str, line: int) -> None:
        """Reads a block that begins at this line."""
        self.first = line - self.getpos()[0] + 1
        text = _comments(lambda match: "\n" * match[0].count("\n"), text)
        self.feed(_stray("&lt;", text))

    def found(self, last: bool = False) -> Iterator[Block]:
        """The blocks that are complete."""
        if last:
            self.close()
            self._end_text()
        ready, self.ready = self.ready, []
        yield from ready

    @property
    def line(self) -> int:
        return self.first + self.getpos()[0] - 1

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self.silent = tag
        elif tag == "table":
            self._end_text()
            self.rows = []
        elif tag == "tr" and self.rows is not None:
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.text = _Cell(self.line)
            if len(self.rows[-1]) < MOST_COLUMNS:
                self.rows[-1].append(self.text)
        elif tag in _HEADINGS or tag in ("p", "div", "li"):
            if self.rows is None:
                self._end_text()
                self.text, self.level = _Cell(self.line), int(tag[1]) if tag in _HEADINGS else 0
        elif tag == "br" and self.text is not None:
            self.text.parts.append("\n")
        style = dict(attributes).get("style") or ""
        if self.text is not None and "padding-left:" in style.replace(" ", ""):
            self.text.indent = _pixels(style)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.silent:
            self.silent = ""
        elif tag == "table" and self.rows is not None:
            self._table([row for row in self.rows if row])
            self.rows = self.text = None
        elif tag in ("td", "th"):
            self.text = None
        elif tag in (*_HEADINGS, "p", "div", "li") and self.rows is None:
            self._end_text()

    def handle_data(self, data: str) -> None:
        if self.text is not None and not self.silent:
            self.text.parts.append(data)

    def _end_text(self) -> None:
        cell, self.text = self.text, None
        if cell is not None and self.rows is None:
            for number, each in enumerate("".join(cell.parts).splitlines()):
                if each.strip():
                    self.ready.append(Text(cell.line + number, cleaned(each), self.level))

    def _table(self, rows: list[list[_Cell]]) -> None:
        if not rows:
            return
        texts = [["".join(cell.parts) for cell in row] for row in rows[:MOST_ROWS]]
        found = []
        for row, cells in zip(rows, texts, strict=False):
            plain = _row(row[0].line, cells)
            found.append(Row(plain.line, plain.cells, max(plain.depth, row[0].indent)))
        self.ready.append(Table(found[0].line, found[0].cells, tuple(found[1:])))


def _pixels(style: str) -> int:
    digits = "".join(each for each in style.partition("padding-left")[2].partition("px")[0] if each.isdigit())
    return int(digits[:6] or 0)
