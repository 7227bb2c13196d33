"""The admin API: what the operators look after people with."""
