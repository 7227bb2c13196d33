"""The mail worker: takes tickets from SQS, claims mails in PostgreSQL, calls SES."""
