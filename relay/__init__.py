"""The Django project: its settings, the workers' side of Dramatiq, and the operators' tools."""
