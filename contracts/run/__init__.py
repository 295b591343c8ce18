"""Runs: a session sends, judges and records; an examination and a fuzz run drive it."""
