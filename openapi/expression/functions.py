"""The functions of expressions besides those of CEL. Each gets the random generator of the caller, then its arguments."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
"""Of `hmac`."""
CIPHERS = ("aes-cbc",)
"""Of `encrypt`."""
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


def _encrypt(random: Random, cipher: str, key: str | bytes, vector: str | bytes, message: str | bytes) -> bytes | None:
    """A message that is padded as PKCS #7 says; null for a key or an initialisation vector of a length that cannot be."""
    if cipher not in CIPHERS:
        raise ValueError(f"encrypt() knows {', '.join(CIPHERS)}, not {cipher}")
    from Crypto.Cipher import AES  # only a contract that encrypts needs the 15 ms of this import
    from Crypto.Util.Padding import pad

    secret, start = _bytes(key), _bytes(vector)
    if len(secret) not in AES.key_size or len(start) != AES.block_size:
        return None
    return AES.new(secret, AES.MODE_CBC, start).encrypt(pad(_bytes(message), AES.block_size))


def _hash(algorithm: str) -> Callable[[Random, Any], bytes]:
    return lambda random, message: hashlib.new(algorithm, _bytes(message), usedforsecurity=False).digest()


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else value


def _written(encoding: Callable[[bytes], str]) -> Callable[[Random, str | bytes | None], str | None]:
    """A function that writes texts or bytes in an encoding, and null for null: of a key that cannot be nothing is known."""
    return lambda random, value: None if value is None else encoding(_bytes(value))


def _substring(random: Random, text: str, start: int, end: int) -> str:
    """The characters from one position up to, not including, another one, both from 0; fewer where the text is shorter."""
    if start < 0 or end < start:
        raise ValueError(f"substring() has no characters from {start} to {end}")
    return text[start:end]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "base64": _written(lambda value: b64encode(value).decode()),
    "base64url": _written(lambda value: urlsafe_b64encode(value).rstrip(b"=").decode()),
    "dateTime": _date_time,
    "encrypt": _encrypt,
    "hex": _written(bytes.hex),
    "hmac": _hmac,
    "lower": lambda random, text: text.lower(),
    "max": lambda random, one, other: max(one, other),
    "md5": _hash("md5"),
    "min": lambda random, one, other: min(one, other),
    "sha1": _hash("sha1"),
    "sha256": _hash("sha256"),
    "substring": _substring,
    "upper": lambda random, text: text.upper(),
    "uuid": _uuid,
}
BYTES = frozenset(("encrypt", "hmac", "md5", "sha1", "sha256"))
"""Those that give bytes, which are no value of a request or a reply."""
OF_BYTES = BYTES | {"base64", "base64url", "hex"}
"""Those that take bytes."""
RANDOM = frozenset(("uuid",))
"""Those whose value depends on the random generator."""
