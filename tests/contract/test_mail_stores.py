"""The stand-in for the bucket behaves as S3 does. Lessons 1, 11."""

import pytest

from emails.edges import s3
from emails.edges.mail_memory import SMALL_BYTES, MailMemory
from emails.edges.ports import MailStore
from emails.edges.s3 import S3MailStore
from emails.values.errors import MAX_TRIES, LargeMail, NotFinished, Refused, Unavailable
from emails.values.notifications import StoredMail
from emails.values.outcomes import RetryReason
from runtime.aws import make_session
from runtime.dependencies import Dependency
from runtime.lane import goes_first
from tests.contract.conftest import calling
from tests.fakes import ANY_ROOM, FakeMailStore
from tools.local.aws import BUCKET, REGION, SimulatedAws

MAILS = {
    "here": b"\x00\xff8-bit",
    "empty": b"",
    "/in/ein Schlüssel+%2F&?<.eml": b"named oddly",
    "large": bytes(range(256)) * 4000,
}


ENCRYPTED: dict[str, dict[str, str]] = {
    "by-version-2": {
        "x-amz-key-v2": "AQ==",
        "x-amz-iv": "AAAA",
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "kms",
        "x-amz-matdesc": '{"aws:ses:message-id": "0100"}',
    },
    "by-version-1": {"x-amz-key": "AQ==", "x-amz-iv": "AAAA", "x-amz-matdesc": "{}"},
    "by-version-3": {"x-amz-c": "115", "x-amz-3": "AQ==", "x-amz-d": "AQ==", "x-amz-i": "AQ=="},
    "described-only": {"x-amz-matdesc": "{}"},
    "in-capitals": {"X-Amz-Cek-Alg": "AES/CBC/PKCS5Padding"},
}
"""What the S3 encryption client says of an object, by the key of a mail that it wrote."""


@pytest.fixture(scope="module")
def stores(aws_threads: dict[str, SimulatedAws]) -> dict[str, S3MailStore]:
    """S3, as both servers play it."""
    return {name: s3.connect(make_session(REGION)) for name in aws_threads}


@pytest.fixture(params=["stand-in", "moto", "tools.aws"])
def mail_store(
    request: pytest.FixtureRequest,
    aws_threads: dict[str, SimulatedAws],
    stores: dict[str, S3MailStore],
    monkeypatch: pytest.MonkeyPatch,
) -> MailStore:
    """A bucket with these mails in it."""
    if request.param == "stand-in":
        fake = FakeMailStore()
        fake.mails = {StoredMail(BUCKET, key): raw for key, raw in MAILS.items()}
        fake.encrypted = {StoredMail(BUCKET, key) for key in ENCRYPTED}
        fake.mails |= dict.fromkeys(fake.encrypted, b"ciphertext")
        return fake
    aws = calling(monkeypatch, aws_threads[request.param])
    aws.reset()
    for key, raw in MAILS.items():
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=raw, Metadata={"written-by": "somebody"})
    for key, metadata in ENCRYPTED.items():
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"ciphertext", Metadata=metadata)
    return stores[request.param]


def left(mail_store: MailStore) -> set[str]:
    """Find out which of the mails are still there."""
    found = set()
    for key in MAILS:
        try:
            mail_store.fetch(StoredMail(BUCKET, key), ANY_ROOM)
        except NotFinished:
            continue
        found.add(key)
    return found


@pytest.mark.parametrize("key", MAILS)
def test_a_mail_is_read_byte_for_byte_and_stays(mail_store: MailStore, key: str) -> None:
    for _ in range(2):
        assert mail_store.fetch(StoredMail(BUCKET, key), ANY_ROOM) == MAILS[key]


@pytest.mark.parametrize("key", MAILS)
@pytest.mark.parametrize("size", [1, 5, 10_000_000])
def test_the_start_of_a_mail_is_read(mail_store: MailStore, key: str, size: int) -> None:
    assert mail_store.fetch_start(StoredMail(BUCKET, key), size) == MAILS[key][:size]


def test_the_start_of_a_mail_that_is_not_there_is_missing(mail_store: MailStore) -> None:
    with pytest.raises(NotFinished) as missing:
        mail_store.fetch_start(StoredMail(BUCKET, "gone"), 10)

    assert missing.value.reason == "mail_missing"


def test_a_mail_that_is_not_there_gets_some_time_to_appear(mail_store: MailStore) -> None:
    with pytest.raises(NotFinished) as missing:
        mail_store.fetch(StoredMail(BUCKET, "gone"), ANY_ROOM)

    assert missing.value.reason == "mail_missing"
    assert missing.value.max_tries == MAX_TRIES
    assert not isinstance(missing.value, Unavailable)


@pytest.mark.parametrize("key", ENCRYPTED)
def test_a_mail_that_ses_had_encrypted_is_refused_and_stays(
    mail_store: MailStore, key: str
) -> None:
    """Lesson 57: its ciphertext was forwarded, and the only copy deleted."""
    for _ in range(2):
        for call in (
            lambda mail: mail_store.fetch(mail, ANY_ROOM),
            lambda mail: mail_store.copy(mail, "held/1"),
        ):
            with pytest.raises(Refused) as refused:
                call(StoredMail(BUCKET, key))

            assert refused.value.reason == "mail_encrypted"


def test_a_bucket_that_is_not_there_is_no_mails_fault(mail_store: MailStore) -> None:
    with pytest.raises(Unavailable) as unavailable:
        mail_store.fetch(StoredMail("nobody-s-bucket", "gone"), ANY_ROOM)

    assert unavailable.value.dependency is Dependency.S3
    assert unavailable.value.max_tries is None


@pytest.mark.parametrize("key", MAILS)
def test_a_mail_is_copied_whole_and_stays_where_it_was(mail_store: MailStore, key: str) -> None:
    copy = StoredMail(BUCKET, "held/1-0123456789ab")

    for _ in range(2):
        assert mail_store.copy(StoredMail(BUCKET, key), copy.key) == len(MAILS[key])

    assert mail_store.fetch(copy, ANY_ROOM) == MAILS[key]
    assert mail_store.fetch(StoredMail(BUCKET, key), ANY_ROOM) == MAILS[key]
    assert mail_store.delete(BUCKET, [key]) == {}
    assert mail_store.fetch(copy, ANY_ROOM) == MAILS[key]


def test_a_missing_mail_is_not_copied(mail_store: MailStore) -> None:
    with pytest.raises(NotFinished) as missing:
        mail_store.copy(StoredMail(BUCKET, "gone"), "held/1")

    assert missing.value.reason == "mail_missing"
    assert missing.value.max_tries == MAX_TRIES


def test_a_bucket_that_is_not_there_takes_no_copy(mail_store: MailStore) -> None:
    for write in (
        lambda: mail_store.copy(StoredMail("nobody-s-bucket", "here"), "held/1"),
        lambda: mail_store.put(StoredMail("nobody-s-bucket", "held/1"), b"a mail"),
    ):
        with pytest.raises(Unavailable) as unavailable:
            write()
        assert unavailable.value.dependency is Dependency.S3
        assert unavailable.value.max_tries is None


def test_a_mail_that_is_put_is_there_and_may_be_put_again(mail_store: MailStore) -> None:
    mail = StoredMail(BUCKET, "held/1-0123456789ab")

    for raw in (MAILS["large"], b"\x00\xff8-bit"):
        mail_store.put(mail, raw)
        assert mail_store.fetch(mail, ANY_ROOM) == raw


def test_mails_are_deleted_together_and_the_others_stay(mail_store: MailStore) -> None:
    doomed = ["here", "/in/ein Schlüssel+%2F&?<.eml"]

    assert mail_store.delete(BUCKET, doomed) == {}

    assert left(mail_store) == {"empty", "large"}


def test_a_mail_is_deleted_alone_and_what_is_gone_is_deleted_too(mail_store: MailStore) -> None:
    for _ in range(2):
        mail_store.delete_one(StoredMail(BUCKET, "here"))

    assert left(mail_store) == set(MAILS) - {"here"}


def test_what_is_gone_or_never_was_is_deleted_too(mail_store: MailStore) -> None:
    for _ in range(2):
        assert mail_store.delete(BUCKET, ["here", "never-was"]) == {}

    assert "here" not in left(mail_store)


def test_a_bucket_that_is_not_there_refuses_to_delete(mail_store: MailStore) -> None:
    with pytest.raises(Unavailable):
        mail_store.delete("nobody-s-bucket", ["here"])

    assert "here" in left(mail_store)


def test_a_large_mail_is_not_read_before_there_is_room_for_it(mail_store: MailStore) -> None:
    large = StoredMail(BUCKET, "large")
    mail_store.put(large, b"x" * (SMALL_BYTES + 1))
    memory = MailMemory(SMALL_BYTES)
    others = memory.room()
    others.take(SMALL_BYTES + 1)

    with pytest.raises(NotFinished) as failure:
        mail_store.fetch(large, memory.room())
    assert failure.value.reason == RetryReason.MEMORY_FULL
    others.leave()
    assert len(mail_store.fetch(large, memory.room())) == SMALL_BYTES + 1


@pytest.mark.parametrize("is_quick", [True, False], ids=["by-obstore", "by-boto3"])
def test_a_large_mail_is_not_read_where_it_would_go_before_others(
    is_quick: bool,
    monkeypatch: pytest.MonkeyPatch,
    stores: dict[str, S3MailStore],
    aws_threads: dict[str, SimulatedAws],
) -> None:
    aws, mail_store = calling(monkeypatch, aws_threads["tools.aws"]), stores["tools.aws"]
    aws.reset()
    if not is_quick:
        monkeypatch.setattr(mail_store._quick, "open", lambda mail: None)
    large, small = (StoredMail(BUCKET, key) for key in ("large", "small"))
    aws.s3.put_object(Bucket=BUCKET, Key=large.key, Body=b"x" * (s3.LARGE_BYTES + 1))
    aws.s3.put_object(Bucket=BUCKET, Key=small.key, Body=b"x" * s3.LARGE_BYTES)
    assert len(mail_store.fetch(large, ANY_ROOM)) == s3.LARGE_BYTES + 1
    full = MailMemory(s3.LARGE_BYTES)
    full.room().take(s3.LARGE_BYTES + 1)

    token = goes_first.set(True)
    try:
        assert len(mail_store.fetch(small, ANY_ROOM)) == s3.LARGE_BYTES
        # Memory is full, too: but it moves to where it delays nobody, and waits for memory there.
        with pytest.raises(LargeMail) as failure:
            mail_store.fetch(large, full.room())
    finally:
        goes_first.reset(token)

    assert failure.value.size == s3.LARGE_BYTES + 1
