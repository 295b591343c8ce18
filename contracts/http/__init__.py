"""HTTP: requests, replies, and the server under test."""
