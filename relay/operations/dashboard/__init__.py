"""The operators' dashboard: how the relay does, at a glance, and what to do about it."""
