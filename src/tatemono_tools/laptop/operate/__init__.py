"""What is done to a building that runs: looking, stopping, keys, operators, reconciliation."""
