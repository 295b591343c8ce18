"""A document becomes a contract, and a world file becomes a state; every problem is found here."""
