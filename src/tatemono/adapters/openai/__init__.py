"""OpenAI: its images, its moderation and its list of models."""
