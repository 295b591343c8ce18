"""Sequences of requests: recorded, saved, read again, shrunk."""
