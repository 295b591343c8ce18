"""The functions of expressions besides those of CEL. Each gets the random generator of the caller, then its arguments."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
"""Of `hmac`."""
_FIXED, _NOT_FIXED = (4 << 76) | (2 << 62), ~((0xF << 76) | (3 << 62))
"""The bits for version 4 and variant 1 of a UUID, and a mask of all other bits."""


def _uuid(random: Random) -> str:
    """32 lower-case hexadecimal digits of a UUID of version 4."""
    return (random.getrandbits(128) & _NOT_FIXED | _FIXED).to_bytes(16, "big").hex()


def _date_time(random: Random, instant: int, offset: str) -> str | None:
    """Epoch ms as `yyyy-MM-dd HH:mm:ss` at an offset from UTC such as `+08:00`; null beyond the year 9999."""
    zone = datetime.strptime(offset, "%z").tzinfo
    try:
        return datetime.fromtimestamp(instant / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return None


def _hmac(random: Random, algorithm: str, key: str | bytes, message: str | bytes) -> bytes:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"hmac() knows {', '.join(ALGORITHMS)}, not {algorithm}")
    return hmac.digest(_bytes(key), _bytes(message), algorithm)


def _hash(algorithm: str) -> Callable[[Random, Any], bytes]:
    return lambda random, message: hashlib.new(algorithm, _bytes(message), usedforsecurity=False).digest()


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else value


def _hex(random: Random, value: str | bytes) -> str:
    return _bytes(value).hex()


def _base64(random: Random, value: str | bytes) -> str:
    return b64encode(_bytes(value)).decode()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "base64": _base64,
    "dateTime": _date_time,
    "hex": _hex,
    "hmac": _hmac,
    "lower": lambda random, text: text.lower(),
    "max": lambda random, one, other: max(one, other),
    "md5": _hash("md5"),
    "min": lambda random, one, other: min(one, other),
    "sha1": _hash("sha1"),
    "sha256": _hash("sha256"),
    "upper": lambda random, text: text.upper(),
    "uuid": _uuid,
}
BYTES = frozenset(("hmac", "md5", "sha1", "sha256"))
"""Those that give bytes, which are no value of a request or a reply."""
OF_BYTES = BYTES | {"base64", "hex"}
"""Those that take bytes."""
RANDOM = frozenset(("uuid",))
"""Those whose value depends on the random generator."""
