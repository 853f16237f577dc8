"""`manage.py lanes`: whose mail fills the relay.

Lists the busiest lanes, or those with the given names: the lane's name, its work in flight, its
messages in the overflow, and whose it is: a mask, an owner's name or an owner's replies, by row.
Never an address. With --release, the mail of these lanes goes before other mail for some hours,
however much it is, from when a bridge reads it; what is in flight goes as it was going to.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from relay.operations.lanes import handling
from relay.operations.lanes.whose import Whose
from relay.operations.management.redis_away import redis_away
from runtime.arguments import positive


class Command(BaseCommand):
    """List the busiest lanes, or release some."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("names", nargs="*", metavar="LANE", help="only these, as in the log")
        parser.add_argument(
            "--number", type=positive, default=20, help="how many to list (default: %(default)s)"
        )
        parser.add_argument(
            "--release", type=float, metavar="HOURS", help="release these lanes; 0: no longer"
        )
        parser.add_argument("--by", default="command", help="who releases, for the log")

    def handle(
        self, *args: Any, names: list[str], number: int, release: float | None, by: str, **_: Any
    ) -> None:
        """List them."""
        if release is not None and not names:
            raise CommandError("--release needs the names of lanes")
        try:
            for name in names if release is not None else ():
                handling.release(name, release or 0, by=by)
            found = handling.find(names, number)
        except handling.NotAllowed as error:
            raise CommandError(f"{error}.") from error
        except RedisError as error:
            raise redis_away(error) from error
        if not found:
            self.stdout.write("No mail is in flight.")
            return
        self.stdout.write(f"{'lane':18}  {'in flight':>9}  {'overflow':>8}  whose")
        for one in found:
            self.stdout.write(_line(one))
        if release and any(one.lane.work for one in found):
            self.stdout.write(handling.IN_FLIGHT_GOES_ON)


def _line(one: Whose) -> str:
    lane = one.lane
    released = f", released for {lane.released_seconds} s" if lane.released_seconds else ""
    return f"{lane.name:18}  {lane.work:9}  {lane.behind:8}  {one.whose}{released}"
