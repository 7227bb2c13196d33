"""The outbox relay: sends outbox rows to SQS, finds lost tickets, erases and reconciles."""
