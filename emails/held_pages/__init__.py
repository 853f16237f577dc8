"""The owner's pages of held mails, behind the signed links of a digest. No account, no session.

GET and HEAD show and change nothing: link scanners fetch them. POST acts, then redirects to a page
that says what was done, so that reloading repeats nothing; doing the same again is harmless.

Against requests from other sites stands the form's signed token instead of a cookie: only who has
the link can get one. The pages are never stored, framed, or named to other sites, run no script,
and show neither sender nor subject: these are in S3, which this process can't read.
"""

from emails.held_pages.blocks import blocked_senders
from emails.held_pages.digest import digest_switch
from emails.held_pages.mails import held_mail, held_mails

__all__ = ["blocked_senders", "digest_switch", "held_mail", "held_mails"]
