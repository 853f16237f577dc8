"""A whole relay whose servers and wires fail on demand, and an accounting of every mail."""
