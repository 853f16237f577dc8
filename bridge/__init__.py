"""From SQS to the workers: receives, verifies, dispatches, and deletes what was acknowledged."""
