"""`manage.py preview_forward`: shows the mail that a mask's owner would get. Needs no server."""

import json
from argparse import ArgumentParser
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from emails import tracker_lists
from emails.edges import note
from emails.management.screenshots import (
    NoBrowser,
    find_browser,
    require_sandbox,
    take_screenshot,
)
from emails.mime.plans import ForwardPlan, Rewritten
from emails.mime.rewrite_forward import rewrite_forward
from emails.rules.addresses import parse
from emails.rules.stand_ins import stand_in
from emails.values.errors import Refused, Unsendable
from emails.values.facts import NotePlace
from emails.wiring import policy_of


@dataclass(frozen=True, slots=True)
class Previewed:
    """The result for one file: a line of the output."""

    file: str
    ok: bool
    issues: list[str] = field(default_factory=list)
    trackers_removed: dict[str, int] = field(default_factory=dict)
    error: str | None = None


class Command(BaseCommand):
    """Rewrite mail files as the workers would, and report on each."""

    help = (
        "Rewrite mail files as the workers would, and print one JSON object per file. Missing "
        "settings get placeholder values. Exits with 1 if a file could not be rewritten."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("files", metavar="FILE", nargs="+", help="a raw mail (RFC 5322)")
        parser.add_argument("--mask", required=True, help="the mask that the mail was sent to")
        parser.add_argument("--to", required=True, help="the real address of the mask's owner")
        parser.add_argument(
            "--out",
            required=True,
            type=Path,
            metavar="DIR",
            help="the folder for the rewritten mails",
        )
        parser.add_argument("--language", default="en", help="the language of the note")
        parser.add_argument(
            "--note",
            choices=[place.value for place in NotePlace],
            default=NotePlace.BOTTOM.value,
            help="where the note goes (default: bottom)",
        )
        parser.add_argument("--keep-trackers", action="store_true", help="don't remove trackers")
        parser.add_argument(
            "--screenshot",
            action="store_true",
            help="render each mail's HTML to a PNG next to it, with a Chromium; not as root",
        )

    def handle(self, *, files: list[str], out: Path, screenshot: bool, **options: Any) -> None:
        """Rewrite each file. Raises `CommandError` for invalid arguments, or if a file failed."""
        plan = _plan(
            options["mask"],
            options["to"],
            options["language"],
            NotePlace(options["note"]),
            options["keep_trackers"],
        )
        try:
            browser = _browser() if screenshot else None
            out.mkdir(parents=True, exist_ok=True)
        except NoBrowser as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"--out {out}: {error.strerror}") from error
        failed = 0
        taken: set[Path] = set()
        for file in map(Path, files):
            previewed = _preview(file, out / file.name, plan, taken)
            if previewed.ok and browser:
                previewed = _with_screenshot(previewed, browser, out / file.name)
            self.stdout.write(json.dumps(asdict(previewed)))
            failed += not previewed.ok
        if failed:
            raise CommandError(f"{failed} of {len(files)} files could not be rewritten.")


def _browser() -> str:
    browser = find_browser()
    require_sandbox()
    return browser


def _plan(
    mask: str, to: str, language: str, note_place: NotePlace, keep_trackers: bool
) -> ForwardPlan:
    for option, address in (("--mask", mask), ("--to", to)):
        if parse(address) is None:
            raise CommandError(f"{option} must be a mail address, such as mask@masks.example.")
    config = settings.CONFIG

    planned = note.sample_plan(mask, language, note_place)
    make_note = partial(note.forward_note, planned, datetime.now(UTC), secret=b"preview")
    return ForwardPlan(
        mask=mask,
        recipient=to,
        reply_to=config.replies_address,
        organizers=lambda _: stand_in("token", config.replies_address),
        make_note=make_note,
        has_note_on_top=planned.is_on_top,
        now=datetime.now(UTC),
        trackers=frozenset() if keep_trackers else tracker_lists.load(config.tracker_list_dir),
        warning_url=policy_of(config).warning_url,
    )


def _preview(file: Path, target: Path, plan: ForwardPlan, taken: set[Path]) -> Previewed:
    if target in taken:
        return Previewed(str(file), ok=False, error=f"another file was written to {target}")
    if target.exists() and target.samefile(file):
        return Previewed(
            str(file), ok=False, error="--out must not be the folder of the file itself"
        )
    try:
        rewritten = _rewrite(file.read_bytes(), plan)
        target.write_bytes(rewritten.raw)
    except OSError as error:
        return Previewed(str(file), ok=False, error=f"{error.filename}: {error.strerror}")
    except Refused as error:
        return Previewed(str(file), ok=False, error=error.reason)
    taken.add(target)
    return Previewed(
        str(file),
        ok=True,
        issues=[str(issue) for issue in rewritten.issues],
        trackers_removed=dict(sorted(rewritten.trackers_removed.items())),
    )


def _rewrite(raw: bytes, plan: ForwardPlan) -> Rewritten:
    """Rewrite a mail. Raises `Refused`, also for a bug, so that it doesn't stop the other files."""
    try:
        return rewrite_forward(raw, plan)
    except Refused:
        raise
    except Unsendable as error:
        raise Refused(f"cannot be sent: {error.reason}") from error
    except Exception as error:
        raise Refused(f"bug: {type(error).__name__}") from error


def _with_screenshot(previewed: Previewed, browser: str, mail: Path) -> Previewed:
    try:
        take_screenshot(browser, mail)
    except (SubprocessError, LookupError, ValueError) as error:
        return replace(previewed, ok=False, error=f"no screenshot: {type(error).__name__}")
    return previewed
