"""The names by which expressions know the parts of a request."""

from __future__ import annotations

import re

REQUEST = "request"
"""The name of the request itself: its method, path, query and body are parts of it."""
BODY = "body"
"""The name of a JSON body that is no object; `body.id` is a property whose name a parameter has already."""
REQUEST_PARTS = ("method", "path", "query", "body")
_other = re.compile(r"[^A-Za-z0-9_]+")


def request_parts(path: str, template: str, query: str, body: str, method: str) -> dict[str, str]:
    """The request itself. `path` is as it was sent; what comes before the `template` of the contract is not part of it."""
    levels = template.count("/")
    return {"method": method, "path": "/" + "/".join(path.split("/")[-levels:]), "query": query, "body": body}


def expression_name(text: str) -> str:
    """The name of what is called so in a request: `If-Match` is `If_Match`, `$top` is `top`. Empty where there is none."""
    if text.isidentifier():
        return text
    name = _other.sub("_", text).strip("_")
    return name if name.isidentifier() else ""
