"""S3 and SES as the flow uses them: each call reports its result to the circuit breaker.

A mail that gets as far as here also shows that the settings and the tables are right.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from emails.edges.charted import timed
from emails.edges.ports import Mailer, MailRoom, MailStore
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import Unavailable
from emails.values.notifications import StoredMail
from runtime.breakers import Breakers
from runtime.dependencies import Dependency

NO_ANSWER = "no_answer"
"""The code of a call that was never answered."""


class GuardedMailStore:
    """A mail store whose failures open the breaker of S3."""

    def __init__(self, mail_store: MailStore, breakers: Breakers) -> None:
        self._mail_store = mail_store
        self._breakers = breakers

    def fetch(self, mail: StoredMail, room: MailRoom) -> bytes:
        """Fetch a mail; see `MailStore`."""
        with _reported(self._breakers, Dependency.S3):
            return self._mail_store.fetch(mail, room)

    def fetch_start(self, mail: StoredMail, size: int) -> bytes:
        """Fetch the start of a mail; see `MailStore`."""
        with _reported(self._breakers, Dependency.S3):
            return self._mail_store.fetch_start(mail, size)

    def copy(self, mail: StoredMail, key: str) -> int:
        """Copy a mail; see `MailStore`. Not reported: it needs other permissions than fetching."""
        return self._mail_store.copy(mail, key)

    def put(self, mail: StoredMail, raw: bytes) -> None:
        """Store a mail; see `MailStore`. Not reported, like `copy`."""
        self._mail_store.put(mail, raw)

    def delete_one(self, mail: StoredMail) -> None:
        """Delete a mail; see `MailStore`. Not reported, like `delete`."""
        self._mail_store.delete_one(mail)

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete mails; see `MailStore`. Not reported: it needs other permissions than fetching."""
        return self._mail_store.delete(bucket, keys)


class GuardedMailer:
    """A mailer whose failures open the breaker of SES."""

    def __init__(self, mailer: Mailer, breakers: Breakers) -> None:
        self._mailer = mailer
        self._breakers = breakers

    def send(self, mail: Outgoing) -> str:
        """Send a mail; see `Mailer`. While the breaker is open, a check goes ahead of it."""
        with _reported(self._breakers, Dependency.SES):
            if Dependency.SES in self._breakers.find_open():
                # This mail is the probe, or was under way: it must not end in doubt for that.
                self._mailer.check(mail.sender)
            return self._mailer.send(mail)

    def check(self, sender: str) -> None:
        """Check; see `Mailer`."""
        self._mailer.check(sender)


@contextmanager
def _reported(breakers: Breakers, dependency: Dependency) -> Iterator[None]:
    breakers.worked(Dependency.CONFIGURATION)
    try:
        with timed(dependency):
            yield
    except Unavailable as failure:
        breakers.failed(dependency, failure.code)
        raise
    except SendInDoubt:
        breakers.failed(dependency, NO_ANSWER)
        raise
    except Exception:
        # It answered, whatever it said.
        breakers.worked(dependency)
        raise
    else:
        breakers.worked(dependency)
