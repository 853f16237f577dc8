"""The operators' dashboard: the relay's state at a glance, and what to do about it."""
