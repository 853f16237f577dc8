"""The adapters for remote services, and the ports that describe them to the domain."""
