"""Sequences of requests: recording, saving, reading, shrinking."""
