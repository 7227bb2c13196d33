"""Checks of what stands or would stand. Each tells what it finds wrong; nothing found is what everybody wants."""
