"""What should happen to a mail: pure functions from facts to decisions."""
