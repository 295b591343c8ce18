"""The state of a server: tables with indexes, in versions that never change."""
