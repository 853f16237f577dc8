"""For development only: local servers, the demo, a local AWS. Never installed."""
