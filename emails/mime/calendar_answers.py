"""What an owner's calendar answers, without the owner, whose name it writes by itself."""

import re
from collections.abc import Callable
from functools import partial
from hashlib import blake2b

from emails.mime import author_label
from emails.mime.calendars import answered
from emails.mime.fields import decoded
from emails.mime.hide_owner import Replacer
from emails.mime.plans import ReplyPlan
from emails.mime.structure import Part
from emails.mime.windows import replace_all

_LONGEST = 1_000
_PERSON = re.compile(r"^(?:ATTENDEE|ORGANIZER)\b[^\r\n]*+", re.IGNORECASE | re.MULTILINE)
_COMMON_NAME = re.compile(r';CN=(?:"[^"\r\n]*+"|[^";:\r\n]*+)', re.IGNORECASE)
_ID = re.compile(r"^((?:UID|RELATED-TO)\b[^:\r\n]*+:)([^\r\n]*+)", re.IGNORECASE | re.MULTILINE)

Answer = Callable[[str], str]
"""Returns a calendar as the mask's."""


def _always(new: str, _found: re.Match[str]) -> str:
    return new


def answer_of(plan: ReplyPlan) -> Answer:
    """Make a function that writes a calendar as the mask's: its answer, if the reply is one."""
    if not plan.stand_in:
        return lambda text: _anonymous(text, plan)
    return lambda text: answered(text, plan.correspondent, plan.mask)


def _anonymous(text: str, plan: ReplyPlan) -> str:
    """Leave out the owner's name beside the mask, and the owner's domain in a calendar's ids.

    The lines are unfolded, and the addresses replaced. An id always gets the same new one, so that
    programs know what belongs together.
    """
    domains = [address.rpartition("@")[2].lower() for address in plan.owner_addresses]

    def without_name(line: re.Match[str]) -> str:
        return _COMMON_NAME.sub("", line[0]) if plan.mask in line[0] else line[0]

    def with_new_id(line: re.Match[str]) -> str:
        if not any(domain in line[2].lower() for domain in domains):
            return line[0]
        digest = blake2b(line[2].encode("utf-8", "replace"), key=plan.mask.encode()[:64])
        return f"{line[1]}{digest.hexdigest()[:32]}@{plan.mask.rpartition('@')[2]}"

    return _ID.sub(with_new_id, _PERSON.sub(without_name, text))


def without_names(hide: Replacer, mail: Part, plan: ReplyPlan) -> Replacer:
    """Extend a replacer to the owner's full name and to our address that stood for the organizer's.

    A name of one word stays: others have it, too.
    """
    replaced = {re.escape(plan.stand_in): plan.correspondent}
    for value in mail.values("from"):
        for box in author_label.authors(value):
            name = " ".join(decoded(box.name.encode("latin-1", "replace")).split())
            if " " in name:
                spelled = r"\s{1,3}".join(map(re.escape, name.split()))
                replaced[rf"(?<!\w){spelled}(?!\w)"] = plan.mask
    patterns = [(re.compile(one, re.IGNORECASE), new) for one, new in replaced.items()]

    def replace(text: str) -> str:
        text = hide(text)
        for pattern, new in patterns:
            text = replace_all(pattern, partial(_always, new), text, _LONGEST)
        return text

    return replace
