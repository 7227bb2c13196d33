"""Commands on a building that runs: looking, stopping, keys, operators, reconciliation."""
