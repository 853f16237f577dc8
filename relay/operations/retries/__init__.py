"""What is being retried: which messages, why, since when, and when they run again."""
