"""Default rules for operations without a decision table.

Such an operation answers with its first documented success, from the document's example or else from its schema. Every
other documented reply is a *permitted* row, because the document does not say when it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from openapi.decision.data import Template
from openapi.decision.decision import DOCUMENTED, PERMITTED, Rule
from openapi.document.document import Node
from openapi.document.sample import sample
from openapi.document.schema import validator

UNKNOWN = "the document does not say when"
NO_BODY = ""
_RANGES = {"1XX": 100, "2XX": 200, "3XX": 300, "4XX": 400, "5XX": 500, "DEFAULT": 500}


def plain_rules(node: Node, operation: str, note: Callable[[str], None]) -> tuple[Rule, ...]:
    """The rows of an operation, the success last. `note` gets a sentence for each thing that the document leaves open."""
    responses = node.get("responses")
    documented = {_status(each.name): each for each in responses.children()} if responses else {}
    if not documented:
        note(f"{operation} documents no reply: it answers 200 without a body")
    success = min((status for status in documented if 200 <= status < 300), default=min(documented, default=200))
    order = [*sorted(set(documented) - {success}), success]
    return tuple(_rule(node, documented.get(status), operation, status, success, note) for status in order)


def _rule(node: Node, response: Node | None, operation: str, status: int, success: int, note: Callable[[str], None]) -> Rule:
    outcome = f"{operation}/{status}"
    media, body = _body(response, lambda what: note(f"{outcome}: {what}"))
    return Rule(
        number=0,
        outcome=outcome,
        status=status,
        code=None,
        kind=DOCUMENTED if status == success else PERMITTED,
        why="" if status == success else UNKNOWN,
        messages={},
        missing=(),
        malformed=(),
        unreadable=(),
        when=None,
        mint=(),
        effects=(),
        data=None if media == NO_BODY else Template(lambda scope: body, lambda scope, actual, match, pointer: None, ()),
        file=node.document.file,
        line=(response or node).line,
        media=media,
    )


def _status(name: str) -> int:
    known = _RANGES.get(name.upper())
    return known if known is not None else int(name) if name.isdecimal() and 100 <= int(name) <= 599 else 500


def _body(response: Node | None, note: Callable[[str], None]) -> tuple[str, Any]:
    content = response.get("content") if response else None
    if content is None or not content.value:
        return NO_BODY, None
    media = next((name for name in content.value if "json" in name), next(iter(content.value)))
    found = content.child(media)
    schema, body = found.get("schema"), None
    for example in _examples(found):
        body = example
        break
    else:
        if schema is None:
            note("no example and no schema: null")
        body = sample(schema)
    if schema is not None and "json" in media and (problem := _schema_error(schema, body)):
        note(f"its example does not fit its schema ({problem}); write an example")
    return media, body


def _examples(media: Node) -> Iterator[Any]:
    if "example" in media.value:
        yield media.value["example"]
    examples = media.get("examples")
    for each in examples.children() if examples else ():
        if isinstance(each.value, dict) and "value" in each.value:
            yield each.value["value"]


def _schema_error(schema: Node, body: Any) -> str:
    if not isinstance(schema.value, dict):
        return ""
    components = schema.document.root.get("components")
    try:
        checker = validator({**schema.value, "components": components.value if components else {}})
        error = next(iter(checker.iter_errors(body)), None)
    except ValueError as invalid:
        return str(invalid).splitlines()[0][:150]
    return error.message[:150] if error else ""
