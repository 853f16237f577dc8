"""Lanes, as operators see them: whose they are, and what was released."""
