"""Traffic between other clients and a server: exchanges, what the world file does not know, and the judgement on them."""
