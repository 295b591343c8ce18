"""Expressions in CEL, compiled once and checked against the names that they may use."""
