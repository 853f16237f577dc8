"""Benchmarks. Never imported in production."""
