"""The limits of a document, which may be untrusted."""

LARGEST_FILE = 8 * 1024 * 1024
"""Bytes."""
MOST_VALUES = 500_000
DEEPEST = 64

Pointer = tuple[str | int, ...]
"""A JSON pointer: keys and positions."""
Lines = dict[Pointer, int]
"""The line (from 1) of each value, by pointer."""
