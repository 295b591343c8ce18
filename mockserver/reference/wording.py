"""The rows of a decision table in words, as Markdown that shows every text as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

import openapi

HEADINGS = ("Outcome", "HTTP", "When", "Kind", "Message")
_markup = re.compile(r"[\x00-\x1f\x7f!-'*+:-@\[-`{-~]")


def label(operation: openapi.Operation, rule: openapi.Rule) -> str:
    """An outcome without the name of its operation, such as `404`."""
    return rule.outcome.removeprefix(f"{operation.name}/")


def outcome_table(operation: openapi.Operation) -> str:
    """The decision table of an operation as a table in Markdown, in the order in which the mock checks it."""
    rows = [_row(operation, rule) for rule in operation.rules]
    width = len(HEADINGS) if any(row[-1] for row in rows) else len(HEADINGS) - 1
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows]
    return "\n".join(f"| {' | '.join(line[:width])} |" for line in lines)


def _row(operation: openapi.Operation, rule: openapi.Rule) -> tuple[str, ...]:
    outcome = "any code" if rule.code == openapi.ANY_CODE else _code(label(operation, rule))
    kind = f"{rule.kind}: {plain(rule.why)}" if rule.why else rule.kind
    return outcome, str(rule.status), _condition(operation, rule), kind, _messages(rule)


def _condition(operation: openapi.Operation, rule: openapi.Rule) -> str:
    if rule.content is not None:
        return "unless another outcome is asked for" if rule is operation.success else "if it is asked for"
    if rule.always:
        return "otherwise" if rule is operation.success else "at any time"
    return " and ".join(_conditions(operation, rule))


def _conditions(operation: openapi.Operation, rule: openapi.Rule) -> Iterator[str]:
    found, sent = ([name for name in rule.missing if (name in operation.lets) is looked_up] for looked_up in (True, False))
    named = (
        ((sent, "is missing"), (found, "is not found")),
        ((rule.malformed, "is malformed"),),
        ((rule.unreadable, "is not of its type"),),
    )
    for alternatives in named:
        if said := [f"{' or '.join(map(_code, names))} {what}" for names, what in alternatives if names]:
            yield " or ".join(said)
    if rule.when is not None:
        yield _code(str(rule.when))


def _messages(rule: openapi.Rule) -> str:
    if len(rule.messages) == 1:
        return plain(next(iter(rule.messages.values())))
    return "<br>".join(f"{plain(language)}: {plain(text)}" for language, text in rule.messages.items())


def _code(text: str) -> str:
    return f"<code>{plain(text)}</code>"


def plain(text: str) -> str:
    """A text as Markdown without markup: what could be markup, also that of a table, is a character reference."""
    return _markup.sub(lambda match: f"&#{ord(match[0])};", text)
