"""Mail rewriting: the bytes of a mail in, the bytes to send out. Pure."""
