"""Checks of what stands or would stand. Each yields what it finds wrong."""
