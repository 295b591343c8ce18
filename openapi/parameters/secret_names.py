"""Names that tell that their value is a secret, whatever the contract says of it."""

from __future__ import annotations

import re

_telling = re.compile(r"token|secret|passw|pwd|authorization|cookie|api[-_]?key", re.IGNORECASE).search


def tells_secret(name: str) -> bool:
    """Whether a value under this name is a secret: of a header, a parameter, or a key of a body."""
    return _telling(name) is not None
