"""Where a worker's time goes: `python -m bench.shares FILE` makes a table of a profile.

The profile is py-spy's, of a worker process under load, of the thread that holds the interpreter:

    py-spy record --gil --rate 200 --duration 20 --format raw --output FILE --pid PID

A sample belongs to the first row whose text is anywhere in its stack. On a busy machine threads
that wake by timers, as the consumers' do, have too many samples: the kernel's own count is in
`/proc/PID/task/*/schedstat`.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

_ROWS = {
    "Dramatiq's consumers: asking eight queues, decoding": ("ConsumerThread",),
    "fetching the mail from S3, deleting it": ("emails/edges/quick_s3.py", "emails/edges/s3.py"),
    "sending through SES: signing": ("botocore/auth.py",),
    "sending through SES: the rest": ("emails/edges/ses.py", "emails/edges/ses_calls.py"),
    "PostgreSQL: claiming": ("emails/store/claims.py",),
    "PostgreSQL: recording": ("emails/store/records.py",),
    "PostgreSQL: mask and owner": ("emails/store/lookups.py",),
    "PostgreSQL: the rest": ("emails/store/", "django/db/", "psycopg/"),
    "rewriting the mail: placing the note": ("emails/mime/note_in_html.py",),
    "rewriting the mail: the rest": ("emails/mime/", "emails/edges/note.py"),
    "log lines": ("logging/__init__.py",),
    "metrics": ("markus/", "prometheus_client/", "runtime/tally.py"),
    "verifying the notification again": ("relay/worker/origin.py",),
    "Redis: the attempt begins": ("middleware/delivery_limit.py",),
    "Redis: acknowledging": ("middleware/acknowledge.py",),
    "Redis: the rest": ("redis/", "runtime/redis_client.py"),
    "the rest of our middleware": ("relay/worker/",),
    "reading the notification": ("emails/values/notifications/",),
    "deciding, and the way of a mail": ("emails/",),
    "Dramatiq's threads": ("dramatiq/",),
}
_OTHER = "the rest"


def shares(profile: Iterable[str]) -> Counter[str]:
    """Return the number of samples of each row, from lines of stacks and numbers."""
    counted = Counter[str]()
    for line in profile:
        stack, _, number = line.rpartition(" ")
        counted[_row_of(stack)] += int(number)
    return counted


def _row_of(stack: str) -> str:
    for row, texts in _ROWS.items():
        if any(text in stack for text in texts):
            return row
    return _OTHER


def main(path: str) -> None:
    """Print the table."""
    with Path(path).open(encoding="utf-8") as profile:
        counted = shares(profile)
    total = sum(counted.values())
    print(f"{total:,} samples\n\n| share | of a worker's time in the interpreter |\n| --- | --- |")
    for row, number in counted.most_common():
        print(f"| {100 * number / total:.0f} % | {row} |")


if __name__ == "__main__":
    main(sys.argv[1])
