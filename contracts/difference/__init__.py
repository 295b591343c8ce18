"""Compares two contracts: which changes break clients or servers, and why. Does no I/O but reading the two files."""
