"""What the system does: one verb, one file, one function. Use cases own their transactions."""
