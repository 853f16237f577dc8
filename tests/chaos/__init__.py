"""Fault injection under load, with every mail accounted for: `make chaos`."""
