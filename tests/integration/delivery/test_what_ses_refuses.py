"""SES receives more than it sends: such mails arrive all the same, or are held. Lesson 45.

The local AWS refuses what SES refuses. Three receives later such mails were in SQS's dead-letter
queue, and their owner had nothing.
"""

from email import message_from_bytes
from email.header import Header

from tests.integration.conftest import MASK, Relay, logged, wait_for_log

BANK = "Российский национальный коммерческий банк — служба поддержки клиентов"


def with_file(name: str, kind: str = "multipart/mixed") -> bytes:
    return (
        f"From: Bob <bob@sender.example>\r\nTo: {MASK}\r\nSubject: keys\r\n"
        f"Content-Type: {kind}; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: application/octet-stream; name={name}\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\nPDF\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt is attached.\r\n--b--\r\n"
    ).encode()


def test_what_ses_would_refuse_is_sent_in_another_form_or_held(relay: Relay) -> None:
    bridge, workers = relay.stack.start_bridge(), relay.stack.start_workers()
    sender = Header(BANK, "utf-8").encode().replace("\n", "\r\n")
    relay.deliver(f"From: {sender} <bob@sender.example>\r\nTo: {MASK}\r\n\r\nhi\r\n".encode())
    relay.deliver(with_file("server.crt"))
    relay.deliver(with_file("report.pdf"))
    relay.deliver(with_file("setup.exe", kind="multipart/signed"))

    relay.wait_for_sent(3)
    relay.wait_for_empty_queue()

    mails = [message_from_bytes(mail.raw) for mail in relay.aws.sent()]
    names = {part.get_filename() for mail in mails for part in mail.walk()} - {None}
    assert names == {"server.crt.renamed", "report.pdf"}
    assert [mail.is_multipart() for mail in mails].count(False) == 1
    held = wait_for_log(workers, "settled", outcome="held")
    assert held["reason"] == "cannot_be_sent"
    assert wait_for_log(workers, "mail cannot be sent")["reason"] == "signed_name"
    assert logged(bridge, "message failed") == []
    assert relay.aws.count(relay.aws.dead_letter_queue_url) == 0
    assert [key for key in relay.aws.stored_mails() if key.startswith("held/")] != []
