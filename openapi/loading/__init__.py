"""Compiling a document into a contract, and reading a world file into a state; both collect all problems."""
