"""`make pictures`: draws the documentation's pictures of pages and mails anew, into `docs/img/`.

(The charts there are drawn by `make bench`, from its measurements.)
"""

NAMES = ("note.png", "held-mails.png", "dashboard.png")
MOST_BYTES = 300_000
