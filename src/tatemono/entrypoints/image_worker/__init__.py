"""The service that paints."""
