"""SNS envelopes: read, authenticated, and routed to a queue of the workers."""
