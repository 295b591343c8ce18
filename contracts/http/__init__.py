"""HTTP: requests and replies as they go over the wire, and the server under test."""
