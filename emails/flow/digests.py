"""Sends owners their digests of held mails: at most one a day each, whatever is killed.

    open      Which mails it tells of is decided and recorded first; see `emails.store.digests`.
    run once  A claim on the digest; see `deliver`. Sender and subject are read from S3 at this
              moment, and nothing of them is stored.
    end       Killed before, the next run finds the claim, or the outcome, and ends the digest.

A digest that SES may or may not have is not sent again: one too few does less harm than two.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from emails.edges import events
from emails.flow.context import Context, Ports
from emails.flow.deliver import Result, outcome_only, run_once, send
from emails.flow.faults import stops_all
from emails.mime.inert import author_in, subject_in
from emails.mime.read_headers import read_headers
from emails.mime.structure import split
from emails.rules.addresses import domain_of
from emails.rules.senders import is_authenticated, sender_of
from emails.store import digests
from emails.values.deliveries import Claim, Outgoing
from emails.values.digests import Digest, DigestEntry, OpenDigest, ToldMail
from emails.values.errors import NotFinished, Refused
from emails.values.facts import MailFacts, MaskRef, OwnerFacts, Policy, SentKind
from emails.values.held import HeldMail
from emails.values.outcomes import Recorded, RecordReason

MAX_ENTRIES = 30
"""How many mails a digest describes; its page lists more."""

HEAD_BYTES = 128 * 1024
"""How much of a mail is fetched. Larger headers are rare; their digest then says less."""

BATCH = 500

_PATIENCE = timedelta(hours=1)

_PURPOSE = "digest"
_SENT = Recorded(RecordReason.DIGEST_SENT)
_NOT_NEEDED = Recorded(RecordReason.DIGEST_NOT_NEEDED)


def send_digests(ports: Ports, clock: Callable[[], datetime], is_over: Callable[[], bool]) -> None:
    """Send the digests that are due, until it `is_over`; the next run sends the rest.

    One that fails does not stop the others, but a fault of the world does: they would fail, too.
    """
    for owner_id in digests.find_due(clock(), BATCH):
        if is_over():
            break
        try:
            send_digest(ports, owner_id, clock())
        except NotFinished as error:
            if stops_all(error):
                break
        except Exception:  # noqa: BLE001, S112 — logged; the others must still be sent
            continue


def send_digest(ports: Ports, owner_id: int, now: datetime) -> None:
    """Send an owner's digest, if it is due. Raises `NotFinished` to be tried again."""
    opened = digests.open_digest(owner_id, now)
    if opened is None:
        return
    context = Context(ports, f"digest-{opened.id}", now)
    try:
        run_once(context, _PURPOSE, str(owner_id), partial(_work, context, opened))
    except Refused as error:
        events.not_settled(error, context.sns_message_id)
    except Exception as error:
        events.not_settled(error, context.sns_message_id)
        raise
    digests.end(opened.id, now)


def _work(context: Context, opened: OpenDigest, claimed: Claim) -> Result:
    owner = digests.find_owner_of(opened.id)
    told = digests.find_told(opened.id, opened.owner_id, limit=MAX_ENTRIES)
    is_wanted = digests.find_whether_wanted(opened.owner_id)
    if not told or not is_wanted or owner is None or not owner.is_active:
        return outcome_only(context, claimed, _NOT_NEEDED)
    number = len(digests.find_told_ids(opened.id, opened.owner_id))
    digest = _digest(context, opened, owner, told, max(number, len(told)))
    policy = context.ports.policy
    outgoing = Outgoing(
        raw=context.ports.make_digest(digest, context.now),
        sender=policy.from_address,
        recipient=owner.address,
        tags=_tags(told),
    )
    ses_id = send(context, claimed, outgoing)
    return outcome_only(context, claimed, _SENT, sent_as=ses_id)


def _digest(
    context: Context,
    opened: OpenDigest,
    owner: OwnerFacts,
    told: tuple[ToldMail, ...],
    number: int,
) -> Digest:
    return Digest(
        id=opened.id,
        owner_id=owner.id,
        owner_address=owner.address,
        language=owner.language,
        entries=_entries(context, opened, told),
        number=number,
    )


def _entries(
    context: Context, opened: OpenDigest, told: tuple[ToldMail, ...]
) -> tuple[DigestEntry, ...]:
    """Describe the mails: without sender and subject where they can't be read.

    If none can, the next attempts may. But an owner shall learn of mails that are gone, too.
    """
    entries: list[DigestEntry] = []
    failure: NotFinished | None = None
    for one in told:
        mail = one.mail
        entry = DigestEntry(mail.id, one.mask, None, None, mail.received_at, mail.reason)
        try:
            head = context.ports.mail_store.fetch_start(mail.mail, HEAD_BYTES)
            entries.append(_described(entry, mail, head, context.ports.policy))
        except NotFinished as error:
            if stops_all(error):
                raise
            failure = error
            entries.append(entry)
        except Refused:
            entries.append(entry)
    is_young = context.now < opened.opened_at + _PATIENCE
    if failure is not None and is_young and all(one.subject is None for one in entries):
        raise failure
    return tuple(entries)


def _described(entry: DigestEntry, mail: HeldMail, head: bytes, policy: Policy) -> DigestEntry:
    facts = MailFacts(source="", verdicts=mail.verdicts, headers=read_headers(head))
    facts = replace(facts, source=facts.first("return-path"))
    sender = sender_of(facts)
    is_verified = sender is not None and is_authenticated(facts, sender)
    top = split(head)
    author = author_in(top, _our_domains(policy), is_verified=is_verified)
    return replace(entry, author=author, subject=subject_in(top))


def _our_domains(policy: Policy) -> frozenset[str]:
    addresses = (policy.replies_address, policy.from_address)
    names = (*policy.mask_domains, *(address.rpartition("@")[2] for address in addresses))
    return frozenset(domain for name in names if (domain := domain_of(name)))


def _tags(told: tuple[ToldMail, ...]) -> tuple[tuple[str, str], ...]:
    """Name one of the masks, so that a bounce of the digest counts for its owner."""
    refs = [one.mail.target for one in told if isinstance(one.mail.target, MaskRef)]
    return (("kind", SentKind.NOTICE.value), *(("mask", str(ref)) for ref in refs[:1]))
