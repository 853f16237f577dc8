"""Embedded Redis, PostgreSQL and AWS, and the demo. Never imported in production."""
