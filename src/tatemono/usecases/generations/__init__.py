"""Generations: submitting, the queue, attempts, providers, budgets, the ledger."""
