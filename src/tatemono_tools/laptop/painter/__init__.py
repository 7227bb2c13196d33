"""Who paints on this laptop: the studio, OpenAI, or another server that speaks its API."""
