"""The front door on a laptop: nginx, its certificates and its rules."""
