"""The order in which a server checks, inferred from its replies."""
