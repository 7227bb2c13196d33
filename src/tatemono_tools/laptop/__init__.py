"""The building on a laptop: everything production gets from AWS and OpenAI, as local processes. Never in its image."""
