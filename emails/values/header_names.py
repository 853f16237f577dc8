"""The header fields of our own that mails carry."""

LOOP_HEADER = "X-Mail-Relay-Loop"
"""In what we forward, and in our notices. A mail that comes in with it was sent by us before."""

MASK_HEADER = "X-Mail-Relay-Mask"
"""In what we forward: the mask that the mail came to, for the owner's filters."""
