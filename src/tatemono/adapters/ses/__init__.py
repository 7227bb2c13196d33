"""Amazon SES: what is sent through it, and what it tells afterwards."""
