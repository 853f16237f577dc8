"""`manage.py control`: pause and resume, freeze and unfreeze, and see what is in force."""

import getpass
import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from relay.operations.controls import describe, handling
from relay.operations.controls.handling import Done
from relay.operations.dead_letters.filters import read_age
from relay.operations.management.redis_away import redis_away
from runtime.controls.values import Action, Control, NotAllowed


class Command(BaseCommand):
    """Order, end and list controls."""

    help = (
        "Pause receiving or sending, or freeze the mail of a mask, an owner, a sender's domain or "
        "a reason. Nothing is dropped. Each control ends by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare a subcommand for each action."""
        actions = parser.add_subparsers(dest="do", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="list those in force")
        listing.add_argument("--all", action="store_true", help="also those of the last day")
        listing.add_argument("--json", action="store_true", help="print one JSON object per line")
        pause = actions.add_parser("pause", help="pause receiving or sending")
        pause.add_argument("what", choices=["receiving", "sending"])
        _add_order(pause)
        freeze = actions.add_parser("freeze", help="hold mail that would be forwarded")
        freeze.add_argument("what", choices=["mask", "owner", "domain", "reason"])
        freeze.add_argument("target", help="random-12, an owner's id, example.com, or new_mask")
        _add_order(freeze)
        resume = actions.add_parser("resume", help="end a pause")
        resume.add_argument("what", choices=["receiving", "sending"])
        _add_by(resume)
        unfreeze = actions.add_parser("unfreeze", help="end a freeze, and release its mail")
        unfreeze.add_argument("what", choices=["mask", "owner", "domain", "reason"])
        unfreeze.add_argument("target")
        _add_by(unfreeze)
        end = actions.add_parser("end", help="end a control by its id")
        end.add_argument("id")
        _add_by(end)

    def handle(self, *, do: str, **options: Any) -> None:
        """Run the action."""
        todo: dict[str, Callable[..., None]] = {
            "list": self._list,
            "pause": self._start,
            "freeze": self._start,
            "resume": self._end_all,
            "unfreeze": self._end_all,
            "end": self._end_one,
        }
        try:
            todo[do](do=do, **options)
        except NotAllowed as error:
            raise CommandError(f"{error}.") from error
        except RedisError as error:
            raise redis_away(error) from error

    def _list(self, **options: Any) -> None:
        now_ms, store = handling.now_ms(), handling.store()
        found = [one for one in store.find_all() if options["all"] or one.is_active(now_ms)]
        for one in found:
            self.stdout.write(json.dumps(asdict(one)) if options["json"] else _line(one, now_ms))
        if lost := store.find_lost():
            self.stderr.write(describe.lost_sentence(*lost))
        for row in handling.find_lost():
            self.stderr.write(describe.lost_record(row))
        if not found and not options["json"]:
            self.stdout.write("No control is in force.")

    def _start(self, *, do: str, what: str, target: str = "", **options: Any) -> None:
        seconds = options["for"].total_seconds()
        self._report(
            handling.start(
                Action(f"{do}-{what}"), target, by=_by(options), why=options["why"], seconds=seconds
            ),
            describe.sentence,
        )

    def _end_all(self, *, do: str, what: str, target: str = "", **options: Any) -> None:
        action = Action(f"{ {'resume': 'pause', 'unfreeze': 'freeze'}[do] }-{what}")
        found = [
            one for one in handling.find_active() if (one.action, one.target) == (action, target)
        ]
        if not found:
            raise CommandError(f"No {action} {target}".rstrip() + " is in force.")
        for one in found:
            self._end(one.id, options)

    def _end_one(self, **options: Any) -> None:
        self._end(options["id"], options)

    def _end(self, control_id: str, options: dict[str, Any]) -> None:
        done = handling.end(control_id, by=_by(options))
        if done is None:
            raise CommandError(f"No control {control_id} is in force.")
        self._report(done, lambda one: f"Ended: {one.what} (control {one.id}).")

    def _report(self, done: Done, say: Callable[[Control], str]) -> None:
        self.stdout.write(say(done.control))
        if not done.is_recorded:
            self.stderr.write("The database can't be used: only the log has a record of this.")


def _add_order(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--for", type=_duration, required=True, metavar="TIME", help="30m, 3h, 2d: then it ends"
    )
    parser.add_argument("--why", required=True, help="the reason, for whoever comes next")
    _add_by(parser)


def _add_by(parser: ArgumentParser) -> None:
    parser.add_argument("--by", metavar="NAME", help="who orders it; default: this system's user")


def _by(options: dict[str, Any]) -> str:
    if options["by"]:
        return str(options["by"])
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise CommandError("Say who orders it: --by NAME.") from error


def _duration(text: str) -> timedelta:
    try:
        return read_age(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r}: a time is a whole number and a unit: 90s, 10m, 3h or 2d"
        ) from error


def _line(control: Control, now_ms: int) -> str:
    if control.is_active(now_ms):
        return describe.sentence(control)
    over_ms = control.until_ms if control.ended_ms is None else control.ended_ms
    how = f"by {control.ended_by}" if control.ended_by else "by itself"
    over = f"Ended {how} at {describe.moment(over_ms)}"
    return f"{control.what.capitalize()} by {control.by}: {control.why}. {over}"
