"""Identity: devices, guests, members, sessions, tokens, transfer codes, merging."""
