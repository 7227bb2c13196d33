"""PostgreSQL on a laptop: the embedded server, and the plan's database on it."""
