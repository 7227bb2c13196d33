"""Puts each service together: one explicit function that opens all it needs, and closes it in the end.

A module for each service, so that its process loads nothing that only others need.
"""

#: How long a worker that stops waits for a poll it broke off, to hand back what that may still bring.
LAST_POLL_SECONDS = 2
