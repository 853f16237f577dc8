"""Proves once more that a message is SNS's, whatever lies between the bridge and the worker.

The bridge has verified it; but then it lay in Redis, where others may write. So the envelope that
SNS signed travels in the message, sealed by the bridge:

    seal        made by a bridge of ours, for just this SQS message. So an acknowledgement deletes
                the message that the envelope came with, and no other
    signature   made by SNS. Even a bridge that was broken into can't make a worker forward a mail
                to somebody else

Recipients, bucket and key come from the envelope alone. How old it is the bridge has judged: an
operator may requeue a dead letter much later.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from bridge.breakers import BLAMES, CERTIFICATE_MISSING, Blame
from bridge.config import OriginConfig
from bridge.sns import signature
from bridge.sns.certificates import CertificateUnavailable, certificates_of
from bridge.sns.envelope import EnvelopeType
from bridge.sns.reject_reasons import Rejected
from emails.values.errors import MAX_TRIES, NotFinished, Refused, Unavailable
from emails.values.outcomes import RefuseReason, RetryReason
from emails.wire import Publication
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from runtime.seals import Forged, SealedByAnother, Seals, report_forged

_OTHER_SECRET = Blame(Dependency.CONFIGURATION, "LEDGER_SECRETS")

Authenticate = Callable[[object, str], Publication]
"""From a sealed envelope and its SQS message's id to what SNS published. Raises `Refused` for what
is not SNS's, `NotFinished` if that can't be told now."""


def make_authenticate(config: OriginConfig, breakers: Callable[[], Breakers]) -> Authenticate:
    """Make the check by the settings. Opens no connection; keeps the certificates it fetches."""
    certificates = certificates_of(config.certificate_folder)
    seals = Seals(config.ledger_secrets)
    topics, versions = frozenset(config.topics), frozenset(config.signature_versions)

    def authenticate(sealed: object, sqs_message_id: str) -> Publication:
        try:
            envelope = signature.prove_origin(
                seals.open(sealed, sqs_message_id),
                topics=topics,
                versions=versions,
                certificate_at=certificates.get,
                now=datetime.now(UTC),
            )
        except (Forged, SealedByAnother, Rejected, CertificateUnavailable) as error:
            raise _failure(error, sqs_message_id) from error
        breakers().worked(Dependency.CERTIFICATES)
        if envelope.type is not EnvelopeType.NOTIFICATION:
            raise _failure(Forged(), sqs_message_id)
        return Publication(envelope.message_id, envelope.message)

    return authenticate


def _failure(error: Exception, sqs_message_id: str) -> Refused | NotFinished:
    """Say whose fault it is: a forger's, or, if all messages fail alike, a setting's."""
    if isinstance(error, CertificateUnavailable) and not error.may_be_forged:
        reason = RetryReason.CERTIFICATE_UNAVAILABLE
        return Unavailable(reason, Dependency.CERTIFICATES, error.code)
    report_forged("message", sqs_message_id)
    match error:
        case SealedByAnother():
            blame: Blame | None = _OTHER_SECRET
        case CertificateUnavailable():
            blame = CERTIFICATE_MISSING
        case Rejected():
            blame = BLAMES.get(error.reason)
        case _:
            blame = None
    if blame is None:
        return Refused(RefuseReason.NOT_AUTHENTIC)
    return Unavailable(
        RefuseReason.NOT_AUTHENTIC, blame.dependency, blame.code, max_tries=MAX_TRIES
    )
