"""`python -m tests.chaos`: the long run. Exits with 1 if a message was lost or sent twice.

A limit that was not kept counts as much.
"""

import argparse
import json
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.chaos.drill import DRILLS, run_drills
from tests.chaos.normal import run_normal
from tests.chaos.run import run, summary
from tests.chaos.schedule import LONG, SHORT, STORM, Kind, storm
from tests.chaos.stalls import STALLS, run_stalls
from tests.chaos.troubles import TROUBLES


def main() -> int:
    """Run, print a summary, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--short", action="store_true", help="the short run of `make test`")
    parser.add_argument(
        "--storm", type=int, metavar="SEED", help="five minutes of faults, all drawn by this seed"
    )
    parser.add_argument(
        "--seconds", type=float, default=STORM.seconds, help="how long the storm lasts"
    )
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        choices=[kind.name.lower() for kind in Kind],
        help="the storm's only kind of fault; may be repeated",
    )
    parser.add_argument(
        "--without-events", action="store_true", help="SES publishes no Send events"
    )
    parser.add_argument("--drill", action="store_true", help="each fault alone, and what it costs")
    parser.add_argument(
        "--stalls",
        nargs="*",
        metavar="CAUSE",
        help="what stops mail, and when it is named and paged; all, or those with these causes",
    )
    parser.add_argument(
        "--normal",
        type=float,
        nargs="?",
        const=60.0,
        metavar="MINUTES",
        help="traffic with floods and bounces, in which no alert may fire; an hour",
    )
    arguments = parser.parse_args()
    has_events = not arguments.without_events
    if arguments.stalls is not None:
        all_known = (*STALLS, *TROUBLES)
        wanted = arguments.stalls
        chosen = [one for one in all_known if not wanted or one.cause in wanted]
        return 0 if run_stalls(chosen, log) else 1
    if arguments.normal is not None:
        return 0 if run_normal(arguments.normal, arguments.seed, log) else 1
    if arguments.drill:
        return 0 if run_drills(DRILLS, log, has_events=has_events) else 1
    scale = SHORT if arguments.short else LONG
    if arguments.storm is not None:
        kinds = [Kind[name.upper()] for name in arguments.kind]
        scale, arguments.seed = storm(arguments.seconds, kinds), arguments.storm
    # PostgreSQL's user has no access to home folders.
    folder = Path(tempfile.mkdtemp(prefix="relay-chaos-"))
    folder.chmod(0o755)
    print(f"seed {arguments.seed}; the logs are in {folder}", flush=True)
    report = run(folder, scale, arguments.seed, log, has_events=has_events)
    print()
    print(summary(report))
    kept = folder / "report.json"
    judged = [asdict(one) for one in report.judged]
    kept.write_text(json.dumps({"requests": report.requests, "judged": judged}, indent=1))
    print(f"\n{kept}")
    return 1 if report.bad or report.excess else 0


def log(text: str) -> None:
    """Print without buffering."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
