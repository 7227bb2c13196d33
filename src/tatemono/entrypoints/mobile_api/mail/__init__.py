"""Mail: messages, their sending, unsubscribing."""
