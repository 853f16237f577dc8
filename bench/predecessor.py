"""The old way: one message at a time, each in a process of its own that starts from nothing.

`python -m bench.predecessor NUMBER` takes so many messages from the queue, and prints what that
took, as JSON.
"""

import json
import multiprocessing
import os
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import boto3

from bridge.sns import signature
from bridge.sns.certificates import PinnedCertificates


def handle_in_child(body: str) -> None:
    """Make a Django and clients of one's own, and carry out the notification."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay.settings")
    import django

    django.setup()
    from bench.inbound import handle

    handle(body)


def main() -> None:
    """Take messages until so many are done."""
    number, done = int(sys.argv[1]), 0
    certificates = PinnedCertificates(Path(os.environ["AWS_SNS_CERTIFICATE_DIR"]))
    sqs, url = boto3.client("sqs"), os.environ["AWS_SQS_EMAIL_QUEUE_URL"]
    # A process that was forked would have our Django; so would one from a server of forks.
    fresh = multiprocessing.get_context("spawn")
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
            with fresh.Pool(1) as pool:
                pool.apply(handle_in_child, [message["Body"]])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            done += 1
    told = {"messages": done, "wall_s": time.monotonic() - wall, "cpu_s": _cpu() - cpu}
    print(json.dumps(told))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
