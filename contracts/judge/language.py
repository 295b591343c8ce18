"""Whether a message is in the language that was asked for. Other texts than the documented ones say nothing."""

from __future__ import annotations

import openapi
from contracts.http.wire import Reply, Request
from contracts.judge.reply import InvalidReply, decoded
from contracts.judge.verdict import NOTE, Verdict


def other_language(contract: openapi.Contract, request: Request, reply: Reply, got: str) -> Verdict | None:
    """A note where the message of a reply is, letter by letter, the documented one of another language."""
    header = contract.language_header
    if header is None or len(contract.languages) < 2:
        return None
    given = next((value for name, value in request.headers if name.lower() == header.lower()), "")
    asked = given if given in contract.languages else contract.languages[0]
    rules = (rule for rule in contract.operations[request.operation].rules if rule.outcome == got)
    messages = next((rule.messages for rule in rules), {})
    text = _message(contract, reply)
    spoken = next((language for language, each in messages.items() if each == text), asked)
    if spoken == asked or messages.get(asked) == text:
        return None
    return Verdict(NOTE, got, f"a message in {spoken}", f"{header}: messages are in the language that is asked for, here {asked}")


def _message(contract: openapi.Contract, reply: Reply) -> object:
    try:
        return contract.envelope.message_of(decoded(reply.body))
    except InvalidReply:
        return None
