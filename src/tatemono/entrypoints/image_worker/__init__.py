"""The image worker: takes tickets from SQS, claims jobs in PostgreSQL, calls the image provider."""
