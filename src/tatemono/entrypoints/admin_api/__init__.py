"""The admin API, with which operators look after people, pictures and the queue."""
