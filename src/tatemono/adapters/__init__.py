"""The outside world, each piece named for its vendor and the port it serves."""
