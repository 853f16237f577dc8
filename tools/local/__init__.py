"""Local Redis, PostgreSQL and AWS, the demo, and `make dev`. Never imported in production."""
