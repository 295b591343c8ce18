"""Generators: what is sent, from single requests to walks."""
