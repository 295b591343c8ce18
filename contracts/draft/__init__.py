"""Drafts a contract from pages: reading by format, one neutral record of each operation, guessing rows, writing YAML."""
