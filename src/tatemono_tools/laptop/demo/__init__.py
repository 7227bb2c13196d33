"""A phone without a screen, and the demo that uses it."""
