"""Generators of requests and of walks."""
