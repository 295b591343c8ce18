"""HTTP/1.1: the event loop, connections, requests and replies."""
