"""Measuring the relay, and what that needs. Never imported in production."""
