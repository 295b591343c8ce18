"""Serving a contract: routes, operations and their replies, witnesses, reload."""
