"""What SQS gave up on: look at it, put some of it back, delete what needs nothing more."""
