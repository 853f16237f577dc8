"""What a rule finds."""

from dataclasses import dataclass

from relay.operations.judgement.causes import Cause

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "NotAuthorized"}
    | {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"}
    | {"ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch"}
)
"""AWS's codes for what our credentials may not do."""


@dataclass(frozen=True, slots=True)
class Found:
    """A cause, in words, and since when (seconds since 1970), if that is known."""

    cause: Cause
    what: str
    since: float | None = None
