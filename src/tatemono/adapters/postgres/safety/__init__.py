"""Safety: moderation, reports, takedowns, strikes."""
