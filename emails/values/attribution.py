"""Whose feedback it is: what is known of the mail of ours that bounced or was complained of."""

from dataclasses import dataclass

from emails.values.facts import MaskFacts, OwnerFacts, SentKind


@dataclass(frozen=True, slots=True)
class Attribution:
    """The kind of mail, the mask it was sent from, and the owner it concerns; None: none known.

    `is_current_address`: we sent it to the address that the owner has now, whoever then bounced or
    complained. A mailbox may forward, and an owner may get another address.
    """

    kind: SentKind
    owner: OwnerFacts | None
    mask: MaskFacts | None
    is_current_address: bool
