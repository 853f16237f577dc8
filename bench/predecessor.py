"""The old way: one message at a time, each in a forked process.

The predecessor is a management command. Its parent process has Django set up and the code imported;
for each message it forks a pool of one process, whose initializer sets Django up again (which costs
little, since it is set up already). AWS clients and the database connection are made in the child,
anew for each message. This does the same around our own inbound logic.

`python -m bench.predecessor NUMBER` handles that many messages from the queue, and prints what that
cost as JSON.
"""

import json
import multiprocessing
import os
import resource
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import boto3
import django

from bridge.sns import signature
from bridge.sns.certificates import PinnedCertificates


def set_up_django() -> None:
    """Set Django up: in the parent, and, as the predecessor does, once more in each child."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay.settings")
    django.setup()


def main() -> None:
    """Handle messages until the given number is done."""
    number, done = int(sys.argv[1]), 0
    set_up_django()
    # Imported here, so that children inherit it. That opens no database connection and
    # makes no client: a child that inherited one would share its socket with the parent.
    from bench.inbound import handle

    import_module("emails.tasks")
    certificates = PinnedCertificates(Path(os.environ["AWS_SNS_CERTIFICATE_DIR"]))
    sqs, url = boto3.client("sqs"), os.environ["AWS_SQS_EMAIL_QUEUE_URL"]
    # The predecessor uses the default, which on Linux is `fork` up to Python 3.13.
    forking = multiprocessing.get_context("fork")
    wall, cpu = time.monotonic(), _cpu()
    while done < number:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            signature.authenticate(
                message["Body"],
                topics=frozenset([os.environ["AWS_SNS_TOPIC"]]),
                versions=frozenset("12"),
                certificate_at=certificates.get,
                now=datetime.now(UTC),
            )
            with forking.Pool(1, initializer=set_up_django) as pool:
                pool.apply(handle, [message["Body"]])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            done += 1
    told = {"messages": done, "wall_s": time.monotonic() - wall, "cpu_s": _cpu() - cpu}
    print(json.dumps(told))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
