"""YAML and JSON documents, read with the line of every value, and errors with that line."""
