"""Development tools: local servers, the demo, a local AWS. Never installed."""
