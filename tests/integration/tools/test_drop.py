"""Mails that people put into a folder are delivered to the masks in their headers."""

import os
from pathlib import Path

import boto3
import pytest

from tests.waiting import wait_until
from tools.local.aws import MASK_DOMAIN, LocalAws
from tools.local.drop import DropFolder, recipients_of

MAIL = b"From: ann@sender.example\r\nTo: shop@masks.example\r\n\r\nHello\r\n"


@pytest.mark.parametrize(
    ("headers", "recipients"),
    [
        ("To: shop@masks.example", ["shop@masks.example"]),
        ("To: Shop <SHOP@Masks.Example>", ["SHOP@Masks.Example"]),
        (
            "To: a@masks.example, x@sender.example\nCc: b@ann.masks.example",
            ["a@masks.example", "b@ann.masks.example"],
        ),
        ("Bcc: a@masks.example", ["a@masks.example"]),
        ("To: a@notmasks.example", []),
        ("Subject: to nobody", []),
    ],
)
def test_the_recipients_are_the_masks_in_the_headers(headers: str, recipients: list[str]) -> None:
    assert recipients_of(f"{headers}\n\ntext\n".encode()) == recipients


def put(inbox: Path, raw: bytes, age_seconds: float = 60) -> Path:
    path = inbox / "mail.eml"
    path.write_bytes(raw)
    written = path.stat().st_mtime - age_seconds
    os.utime(path, (written, written))
    return path


def test_a_mail_in_the_folder_is_delivered_once(aws: LocalAws, tmp_path: Path) -> None:
    drop = DropFolder(aws, tmp_path)
    path = put(drop.inbox, MAIL)

    drop.poll()
    drop.poll()

    assert aws.count(aws.queue_url) == 1
    assert not path.exists()


def test_a_mail_that_is_still_being_written_is_left_alone(aws: LocalAws, tmp_path: Path) -> None:
    drop = DropFolder(aws, tmp_path)
    put(drop.inbox, MAIL, age_seconds=0)

    drop.poll()
    assert aws.count(aws.queue_url) == 0

    def is_delivered() -> bool:
        drop.poll()
        return aws.count(aws.queue_url) == 1

    wait_until("it is delivered", is_delivered)


def test_a_mail_to_no_mask_is_set_aside(aws: LocalAws, tmp_path: Path) -> None:
    drop = DropFolder(aws, tmp_path)
    put(drop.inbox, MAIL.replace(b"masks.example", b"elsewhere.example"))

    drop.poll()

    assert aws.count(aws.queue_url) == 0
    assert [path.name for path in drop.inbox.iterdir()] == ["mail.without-mask"]


def test_what_was_sent_is_saved(aws: LocalAws, tmp_path: Path) -> None:
    drop = DropFolder(aws, tmp_path)
    ses = boto3.Session("test", "test", region_name="us-east-1").client(
        "sesv2", endpoint_url=aws.endpoint
    )
    for number in (1, 2):
        ses.send_email(
            FromEmailAddress=f"shop@{MASK_DOMAIN}",
            Destination={"ToAddresses": ["ann@owner.example"]},
            Content={"Raw": {"Data": MAIL + str(number).encode()}},
        )
        drop.poll()

    assert [path.read_bytes() for path in sorted(drop.outbox.iterdir())] == [
        MAIL + b"1",
        MAIL + b"2",
    ]
