"""Dramatiq's side: the broker, its consumers, the encoder, and the middleware around each actor."""
