"""Test runs: a session sends, judges and records; an examination and a fuzz run tell it what to send."""
