"""One mail's path through the domain: claim, decide, rewrite, send, record."""
