"""The actor on a local AWS: from SES's JSON to the mail given to SES, settings included."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dramatiq
import pytest
from django.conf import settings
from django.db.models import F
from dramatiq import Message
from dramatiq.middleware import CurrentMessage

from emails import tasks
from emails.flow.releasing import LANES
from emails.models import Delivery, HeldMail
from emails.store import held
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RefuseReason
from emails.wire import ACTOR_NAME, FEEDBACK_QUEUE, INBOUND_QUEUE, SQS_MESSAGE_ID, payload
from relay.worker.origin import make_authenticate
from runtime.breakers import breakers_of
from tests.integration.emails.conftest import RAW, a_held_mail, a_mask, an_owner
from tests.seals import SEALS
from tools.local import ses
from tools.local.aws import TOPIC, LocalAws
from tools.local.signing import notification

pytestmark = pytest.mark.django_db


@pytest.fixture
def local(aws: LocalAws, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """The AWS that the actor's ports lead to."""
    config = replace(settings.CONFIG, redis_url=redis_url)
    monkeypatch.setattr(settings, "CONFIG", config)
    origin = replace(config, certificate_folder=aws.certificates, topics=(TOPIC,))
    authenticate = make_authenticate(origin, lambda: breakers_of(redis_url))
    monkeypatch.setattr(settings, "AUTHENTICATE", authenticate)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    tasks._build_ports.cache_clear()
    yield aws
    tasks._build_ports.cache_clear()


def process(local: LocalAws, notice: dict[str, Any]) -> None:
    """Do what a worker does with a message of the bridge."""
    envelope = notification(TOPIC, json.dumps(notice), "sns-1")
    body = json.dumps(local.signer.sign(envelope))
    kwargs = payload(SEALS.seal(body, "sqs-1"))
    options = {SQS_MESSAGE_ID: "sqs-1"}
    message: Message[None] = Message(INBOUND_QUEUE, ACTOR_NAME, (), kwargs, options)
    current: Any = CurrentMessage()
    current.before_process_message(dramatiq.get_broker(), message)
    try:
        tasks.process_notification(**kwargs)
    finally:
        current.after_process_message(dramatiq.get_broker(), message)


def test_a_mail_in_s3_reaches_its_owner(local: LocalAws) -> None:
    a_mask(an_owner())
    local.s3.put_object(Bucket="mails", Key="k", Body=RAW)
    received = ses.received_in_s3(RAW, ["x7k2@masks.example"], bucket="mails", key="k")

    for _ in range(2):
        process(local, received)

    (sent,) = local.sent()
    assert sent.recipients == ("ann@owner.example",)
    assert local.stored_mails() == []
    assert Delivery.objects.get().outcome == "forwarded"


def test_a_held_mail_is_released_by_its_jobs_and_leaves_s3(local: LocalAws) -> None:
    a_mask(an_owner(blocks_spam=True))
    local.s3.put_object(Bucket="mails", Key="k", Body=RAW)
    spam = ses.received_in_s3(RAW, ["x7k2@masks.example"], bucket="mails", key="k", spam="FAIL")
    process(local, spam)
    (mail,) = held.find_held()
    assert local.stored_mails() == [mail.mail.key]
    assert local.sent() == []

    held.release([mail.id])
    for lane in range(LANES):
        tasks.release_held_mails_of_lane(lane=lane)

    (sent,) = local.sent()
    assert sent.recipients == ("ann@owner.example",)
    HeldMail.objects.update(ended_at=F("ended_at") - held.KEPT_AFTER_FORWARDING)
    tasks.expire_and_clear_held_mails()
    assert local.stored_mails() == []
    assert HeldMail.objects.get().state == "cleared"


@pytest.mark.parametrize("is_any", [True, False])
def test_each_lane_is_started_if_there_is_anything_to_release(
    is_any: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[dict[str, int]] = []
    monkeypatch.setattr(
        tasks.release_held_mails_of_lane, "send", lambda **given: started.append(given)
    )
    if is_any:
        a_held_mail(an_owner(), state="releasing")

    tasks.release_held_mails()

    assert started == ([{"lane": lane} for lane in range(LANES)] if is_any else [])


@pytest.mark.parametrize("wants_none", [True, False])
def test_trackers_are_removed_for_an_owner_who_wants_none(
    local: LocalAws, wants_none: bool
) -> None:
    mask = a_mask(an_owner(removes_trackers=wants_none))
    head = b"From: bob@sender.example\r\nContent-Type: text/html\r\n\r\n"
    raw = head + b'<img src="https://t.yesware.com/o.gif">'
    local.s3.put_object(Bucket="mails", Key="k", Body=raw)
    received = ses.received_in_s3(raw, ["x7k2@masks.example"], bucket="mails", key="k")

    process(local, received)

    (sent,) = local.sent()
    assert (b"https://t.yesware.com" in sent.raw) is not wants_none
    mask.refresh_from_db()
    assert mask.trackers_removed == int(wants_none)


def test_an_invalid_notification_is_refused(local: LocalAws) -> None:
    with pytest.raises(Refused) as refused:
        process(local, {})

    assert refused.value.reason == RefuseReason.MALFORMED_NOTIFICATION


def test_the_actor_is_the_one_that_the_bridge_enqueues_for() -> None:
    broker = dramatiq.get_broker()

    actor = broker.get_actor(ACTOR_NAME)
    assert actor.queue_name == INBOUND_QUEUE
    assert actor.options["throws"] == (Refused, NotFinished)
    assert {INBOUND_QUEUE, FEEDBACK_QUEUE} <= broker.get_declared_queues()


def test_cleaning_up_is_not_retried(django_db_setup: None) -> None:
    tasks.clean_up()

    assert tasks.clean_up.options["max_retries"] == 0
