"""Why a row of a decision table holds or not, as a sentence."""

from __future__ import annotations

from typing import Any

from openapi.decision.rule import PERMITTED, Rule, Scope
from openapi.parameters.parameter import Absence


def reason(rule: Rule, scope: Scope) -> str:
    """Whether a rule holds, its condition, and the values of its names; secrets are not shown."""
    secret = {each.name for each in scope.operation.parameters if each.secret}
    names = [*rule.missing, *rule.malformed, *rule.unreadable]
    shown = [f"{name} is {_shown(scope[name], name in secret)}" for name in names]
    references = rule.when.references if rule.when else ()
    secret_texts = any(each.name in secret for each in references)  # a text that a secret is compared with is one
    for reference in references:
        value = reference.value(scope)
        hidden = reference.name in secret or (secret_texts and isinstance(value, str))
        shown.append(f"{reference} is {_shown(value, hidden)}")
    verdict = "holds" if rule.holds(scope) else "does not hold"
    passed = ", but is only permitted" if rule.kind is PERMITTED and verdict == "holds" else ""
    return f"{rule.outcome}: {rule.condition} {verdict}{passed}" + (f": {', '.join(shown)}" if shown else "")


def _shown(value: Any, secret: bool) -> str:
    if isinstance(value, Absence):
        return value.value
    return "present" if secret or isinstance(value, (tuple, list)) else repr(value)
