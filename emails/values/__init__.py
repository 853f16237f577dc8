"""Frozen values and their parsers. No I/O."""
