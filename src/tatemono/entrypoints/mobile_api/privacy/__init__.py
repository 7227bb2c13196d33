"""Privacy: deletion, export, retention, residual data."""
