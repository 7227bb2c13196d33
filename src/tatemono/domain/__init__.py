"""The rules. Standard library only; they return new state or raise."""
