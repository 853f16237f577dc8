"""Transport: takes messages from SQS, hands them to the workers, deletes what they acknowledged."""
