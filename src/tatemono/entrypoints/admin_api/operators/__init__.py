"""Operators: their roles and sessions, and what they do to people."""
