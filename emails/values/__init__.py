"""Frozen values and how they are read: no I/O."""
