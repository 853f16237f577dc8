"""`manage.py held_mails`: list, show, release and delete held mails. Shows nothing of a mail."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from emails.store import held
from emails.values.errors import NotFinished
from emails.values.facts import MaskRef
from emails.values.held import HeldMail, HeldState
from emails.values.outcomes import HeldReason
from runtime.arguments import positive

_PAGE = 500


class Command(BaseCommand):
    """List, show, release or delete held mails."""

    help = "List, show, release or delete held mails. Shows nothing of their content."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare a subcommand for each action."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="list them, oldest first")
        _add_choice(listing)
        listing.add_argument(
            "--state",
            choices=[state.value for state in HeldState],
            help="default: those that are held or being released",
        )
        listing.add_argument(
            "--limit", type=positive, metavar="N", help="list at most N; default: all"
        )
        show = actions.add_parser("show", help="show one, also one that has ended")
        show.add_argument("ids", nargs=1, type=int, metavar="ID")
        show.add_argument("--json", action="store_true", help="print one JSON object")
        _add_bulk(actions.add_parser("release", help="forward them to their owners, soon"))
        _add_bulk(actions.add_parser("delete", help="delete them; they can't be brought back"))

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the action."""
        todo: dict[str, Callable[..., None]] = {
            "list": self._list,
            "show": self._show,
            "release": self._bulk,
            "delete": self._bulk,
        }
        try:
            todo[action](action=action, **options)
        except NotFinished as error:
            raise CommandError(f"The database can't be used ({error.reason}).") from error

    def _list(self, *, limit: int | None, state: str | None, **options: Any) -> None:
        states = [HeldState(state)] if state else [HeldState.HELD, HeldState.RELEASING]
        mails = _chosen(options, states)
        for mail in islice(mails, limit):
            self.stdout.write(_line(summary(mail), as_json=options["json"]))
        if next(mails, None) is not None:
            self.stderr.write(f"There are more than {limit}: raise --limit.")

    def _show(self, *, ids: list[int], **options: Any) -> None:
        mail = next(iter(held.find_held(ids=ids, states=list(HeldState))), None)
        if mail is None:
            raise CommandError(f"There is no held mail {ids[0]}.")
        fields = details(mail)
        if options["json"]:
            self.stdout.write(json.dumps(fields))
        else:
            self.stdout.write("\n".join(f"{name}: {_text(fields[name])}" for name in fields))

    def _bulk(self, *, action: str, **options: Any) -> None:
        has_filter = any(options[name] is not None for name in ("owner", "mask", "reason"))
        if not options["ids"] and not has_filter and not options["all"]:
            raise CommandError(f"Say which to {action}: ids, a filter, or --all.")
        if options["ids"] and (has_filter or options["all"]):
            raise CommandError("Give ids or filters, not both.")
        if options["dry_run"]:
            self._list(limit=None, state=HeldState.HELD.value, **options)
            return
        number = sum(1 for _ in _chosen(options, [HeldState.HELD]))
        if options["ids"] and not number:
            raise CommandError("None of these is held.")
        if number and not options["yes"]:
            _confirm(f"{action.capitalize()} {number} held mails? [y/N] ")
        done = self._carry_out(action, options)
        if not options["json"]:
            gone = len(set(options["ids"])) - done
            self.stdout.write(f"{done} {action}d" + (f", {gone} gone" if gone > 0 else ""))

    def _carry_out(self, action: str, options: dict[str, Any]) -> int:
        """Act on one page after the other, so that no transaction is long."""
        done, mails = 0, _chosen(options, [HeldState.HELD])
        while page := list(islice(mails, _PAGE)):
            ids = [mail.id for mail in page]
            if action == "release":
                done += held.release(ids)
            else:
                done += held.discard(ids, datetime.now(UTC))
            for mail in page if options["json"] else ():
                self.stdout.write(json.dumps(summary(mail) | {"result": f"{action}d"}))
        return done


def summary(mail: HeldMail) -> dict[str, Any]:
    """Return what a list shows of a held mail."""
    return {
        "id": mail.id,
        "owner": mail.owner_id,
        "mask": str(mail.target) if isinstance(mail.target, MaskRef) else None,
        "reason": mail.reason.value,
        "state": mail.state.value,
        "size": mail.size,
        "received_at": mail.received_at.isoformat(timespec="seconds"),
        "expires_at": mail.expires_at.isoformat(timespec="seconds"),
    }


def details(mail: HeldMail) -> dict[str, Any]:
    """Return all of it: no address, subject or other content."""
    verdicts = mail.verdicts
    return summary(mail) | {
        "held_at": mail.held_at.isoformat(timespec="seconds"),
        "released_from": sorted(mail.waived),
        "releases": mail.releases,
        "attempts": mail.attempts,
        "sns_message_id": mail.sns_message_id,
        "key": mail.mail.key,
        "spam": verdicts.spam.value,
        "virus": verdicts.virus.value,
        "spf": verdicts.spf.value,
        "dkim": verdicts.dkim.value,
        "dmarc": verdicts.dmarc.value,
    }


def _add_bulk(parser: ArgumentParser) -> None:
    _add_choice(parser)
    parser.add_argument("--all", action="store_true", help="all")
    parser.add_argument("--dry-run", action="store_true", help="only list the matches")
    parser.add_argument(
        "--yes", "--no-input", action="store_true", help="don't ask for confirmation"
    )


def _add_choice(parser: ArgumentParser) -> None:
    """Declare the ways to choose held mails."""
    parser.add_argument("ids", nargs="*", type=int, metavar="ID")
    parser.add_argument("--owner", type=int, metavar="ID", help="the id of the owner's profile")
    parser.add_argument("--mask", type=_mask, metavar="MASK", help="random-12, domain-3")
    parser.add_argument(
        "--reason", choices=[reason.value for reason in HeldReason], help="why they are held"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def _mask(text: str) -> MaskRef:
    mask = MaskRef.parse(text)
    if mask is None:
        raise ArgumentTypeError(f"{text!r} is no mask's id, such as random-12.")
    return mask


def _chosen(options: dict[str, Any], states: list[HeldState]) -> Iterator[HeldMail]:
    """Find the chosen mails, oldest first, a page at a time."""
    after = None
    while page := held.find_held(
        owner=options["owner"],
        mask=options["mask"],
        reason=HeldReason(options["reason"]) if options["reason"] else None,
        ids=options["ids"] or None,
        states=states,
        after=after,
        limit=_PAGE,
    ):
        yield from page
        after = (page[-1].received_at, page[-1].id)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for confirmation: add --yes.")
    if input(question).strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")


def _line(fields: dict[str, Any], *, as_json: bool) -> str:
    return json.dumps(fields) if as_json else "  ".join(map(_text, fields.values()))


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(value)
    return "-" if value in (None, "") else str(value)
