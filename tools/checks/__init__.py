"""What `make lint` checks beyond the tools of others."""
