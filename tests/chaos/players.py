"""Plays the senders, the mailboxes and the operators of a run, and runs the periodic jobs."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random

import dramatiq
import psycopg
import redis

from tests.chaos.accounting import Flood
from tests.chaos.acts import OF_MAILBOXES, Act
from tests.chaos.world import MASK_MAILS_PER_DAY
from tests.lab.lab import FLOODED_MASK, FLOODED_OWNER, OTHER_MASKS, OTHER_OWNER, Lab
from tools.aws.bounces import HARD, VACATION_REPLY
from tools.local.stack import CommandFailed, Stack

_BOUNCES: Mapping[Act, Mapping[str, str]] = {
    Act.MAILBOX_GONE: HARD,
    Act.MAILBOX_FULL: HARD | {"status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 full"},
    Act.MAILBOX_LATER: HARD
    | {
        "bounceType": "Transient",
        "status": "4.4.7",
        "diagnosticCode": "smtp; 421 4.4.7 try later",
    },
    Act.REFUSED: HARD | {"status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 content"},
    Act.VACATION: VACATION_REPLY,
}
_BOUNCING_SECONDS = 6.0
_JOBS_EVERY_SECONDS = 2.0
_LOOK_SECONDS = 0.5
_JOBS = (
    "drive_mailbox_breakers",
    "release_mails_held_for_limits",
    "release_held_mails",
    "expire_and_clear_held_mails",
)

_FEW, _FLOOD = 3, 25
_ROOM = 10
"""How many more mails the flooded mask may get today."""

_ONE_HELD = """
SELECT id FROM emails_heldmail WHERE state = 'held' AND reason = 'spam' ORDER BY id LIMIT 1
"""
_LET_EXPIRE = f"""
UPDATE emails_heldmail SET expires_at = now() WHERE id = ({_ONE_HELD})
"""
_DUE = """
SELECT sns_message_id FROM emails_heldmail
WHERE state = 'releasing'
    OR state = 'held' AND (reason IN ('mailbox', 'mask_limit') OR expires_at <= now())
"""
_HAS_GOT_MANY = f"""
UPDATE emails_randommask
SET counted_on = (now() AT TIME ZONE 'UTC')::date, mails_that_day = {MASK_MAILS_PER_DAY - _ROOM}
WHERE local = '{FLOODED_MASK.partition("@")[0]}'
"""
_NEXT_DAY = """
UPDATE emails_randommask SET counted_on = counted_on - 1;
UPDATE emails_heldmail SET held_at = held_at - interval '1 day' WHERE reason = 'mask_limit';
"""
_BLOCK_SPAM = f"""
UPDATE emails_profile SET blocks_spam = true
WHERE user_id = (SELECT id FROM auth_user WHERE email = '{OTHER_OWNER}')
"""


class Players:
    """Play acts. Those of operators, and the jobs, have threads of their own.

    Where a scheduler runs, `runs_jobs` is false.
    """

    def __init__(self, lab: Lab, stack: Stack, seed: int, *, runs_jobs: bool = True) -> None:
        self._lab = lab
        self._stack = stack
        self._chance = Random(f"players {seed}")
        self._leaving = threading.Event()
        self._threads: list[threading.Thread] = []
        self._busy: list[threading.Thread] = []
        self._day: threading.Thread | None = None
        self._end_of_bounces = threading.Timer(0, str)
        stack.add_user(OTHER_OWNER)
        masks = [stack.add_mask(OTHER_OWNER, "--address", mask) for mask in OTHER_MASKS]
        self._complaining = masks[1]["id"]
        lab.execute(_BLOCK_SPAM)
        stack.add_user(FLOODED_OWNER)
        stack.add_mask(FLOODED_OWNER, "--address", FLOODED_MASK)
        lab.execute(_HAS_GOT_MANY)
        self.flood = Flood((), 0, 0)
        if runs_jobs:
            self._start(self._run_jobs)

    def play(self, act: Act) -> None:
        """Play one act; what takes long goes on after this returns."""
        if act in OF_MAILBOXES:
            self._bounce(act)
        elif act in self._operators:
            self._busy.append(self._start(partial(self._when_possible, self._operators[act])))
        else:
            self._senders[act]()

    def end_bounces(self) -> None:
        """Let all mailboxes take mail again, so that what is held for them is released."""
        self._end_of_bounces.cancel()
        self._lab.aws.let_bounce({})

    def unsettled(self) -> set[str]:
        """Return the mails that are to be released or ended, or that wait for their mailbox."""
        due = {str(mail) for (mail,) in self._lab.execute(_DUE)}
        if any(one.is_alive() for one in self._busy) and self._lab.execute(_ONE_HELD):
            due.add("an operator is at work")
        if self._day is not None and self._day.is_alive():
            due.add("a day is to pass")
        return due

    def stop(self) -> None:
        """Stop the jobs, and wait for the operators."""
        self._leaving.set()
        self._end_of_bounces.cancel()
        for thread in self._threads:
            thread.join()

    @property
    def _senders(self) -> dict[Act, Callable[[], object]]:
        deliver = self._lab.deliver
        return {
            Act.COMPLAINT: self._complain,
            Act.SPAM: partial(deliver, _FEW, OTHER_MASKS, spam="FAIL"),
            Act.VIRUS: partial(deliver, 1, OTHER_MASKS, virus="FAIL"),
            Act.FLOOD: partial(deliver, _FLOOD, OTHER_MASKS[:1]),
            Act.OVER_LIMIT: self._exceed_limit,
        }

    @property
    def _operators(self) -> dict[Act, Callable[[], object]]:
        release = ("held_mails", "release", "--reason", "spam", "--yes")
        return {
            Act.RELEASE: lambda: self._stack.manage(*release),
            Act.DISCARD: self._discard,
            Act.EXPIRE: lambda: self._lab.execute(_LET_EXPIRE),
        }

    def _discard(self) -> None:
        for (key,) in self._lab.execute(_ONE_HELD):
            self._stack.manage("held_mails", "delete", str(key), "--yes")

    def _bounce(self, act: Act) -> None:
        self._end_of_bounces.cancel()
        self._lab.aws.let_bounce({OTHER_OWNER: _BOUNCES[act]})
        self._lab.deliver(_FEW, OTHER_MASKS[:1])
        self._end_of_bounces = threading.Timer(_BOUNCING_SECONDS, self._lab.aws.let_bounce, ({},))
        self._end_of_bounces.start()

    def _exceed_limit(self) -> None:
        mails = self._lab.deliver(_FLOOD, (FLOODED_MASK,))
        self._day = self._start(partial(self._let_the_day_pass, mails))

    def _let_the_day_pass(self, mails: list[str]) -> None:
        """When all of a flood is settled, note what passed; then what was held for it may go."""
        while not self._leaving.wait(_LOOK_SECONDS):
            with suppress(psycopg.Error):
                states, held = self._lab.deliveries(), self._lab.held()
                if all(states.get(mail) == "finished" for mail in mails):
                    self._lab.execute(_NEXT_DAY)
                    self.flood = Flood(mails, _ROOM, len(mails) - len(held.keys() & set(mails)))
                    return

    def _complain(self) -> None:
        """Complain of a mail to the second mask: it is disabled by the second complaint."""
        self._lab.deliver(_FEW, OTHER_MASKS[1:])
        tags = {"kind": ["forward"], "mask": [f"random-{self._complaining}"]}
        self._lab.aws.notify(
            {
                "eventType": "Complaint",
                "complaint": {
                    "complainedRecipients": [{"emailAddress": OTHER_OWNER}],
                    "complaintFeedbackType": "abuse",
                },
                "mail": {
                    "messageId": f"0100-complaint-{self._chance.randrange(10**9)}",
                    "source": OTHER_MASKS[1],
                    "destination": [OTHER_OWNER],
                    "tags": tags,
                },
            }
        )

    def _run_jobs(self) -> None:
        """Run the minute's jobs, as the scheduler does more slowly."""
        while not self._leaving.wait(_JOBS_EVERY_SECONDS):
            with suppress(redis.RedisError, dramatiq.BrokerError):
                for job in _JOBS:
                    self._stack.run_job(job)

    def _when_possible(self, act: Callable[[], object]) -> None:
        """Act as soon as a mail is held as spam, and the database is there."""
        while not self._leaving.wait(_LOOK_SECONDS):
            try:
                if self._lab.execute(_ONE_HELD):
                    act()
                    return
            except (CommandFailed, psycopg.Error):
                continue

    def _start(self, run: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread
