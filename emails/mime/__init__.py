"""Mail rewriting: the bytes of a mail in, the bytes to send out. Pure."""

from emails.mime.forward import rewrite_forward
from emails.mime.headers import LOOP_HEADER, MASK_HEADER
from emails.mime.issues import Issue
from emails.mime.plans import ForwardPlan, Note, ReplyPlan, Rewritten
from emails.mime.reply import rewrite_reply

__all__ = [
    "LOOP_HEADER",
    "MASK_HEADER",
    "ForwardPlan",
    "Issue",
    "Note",
    "ReplyPlan",
    "Rewritten",
    "rewrite_forward",
    "rewrite_reply",
]
