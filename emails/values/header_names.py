"""The header fields that we add to mails."""

LOOP_HEADER = "X-Mail-Relay-Loop"
"""In every mail we forward: the marks of the masks it went through (`emails.rules.loops`). In every
notice: `notice`. An incoming mail that has this header was sent by us."""

MASK_HEADER = "X-Mail-Relay-Mask"
"""In every mail we forward: the mask it was sent to, for the owner's filters."""

ORIGINAL_PREFIX = "X-Mail-Relay-Original-"
"""In a mail that we forward: `To`, `Cc`, `Sender` and `List-Post` as they stood in the original."""
