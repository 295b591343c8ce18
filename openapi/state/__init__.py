"""The state of a server: tables with indexes, in immutable versions."""
