"""What the workers run right now: which messages, since when, and which worker."""
