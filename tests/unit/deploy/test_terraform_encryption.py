"""The Terraform: all that holds mail is encrypted, at rest and on its way."""

import pytest

from tests.unit.deploy.test_terraform import blocks, one, resource, statements


@pytest.mark.parametrize("name", ["notifications", "overflow", "dead_letters"])
def test_messages_are_encrypted(name: str) -> None:
    assert resource("aws_sqs_queue", name)["sqs_managed_sse_enabled"] is True


def test_notifications_are_encrypted_by_a_key_that_ses_may_use() -> None:
    """SES can't use the key that AWS manages for SNS: nothing would arrive."""
    key = resource("aws_sns_topic", "notifications")["kms_master_key_id"]
    manages, publishes = statements("notifications_key")

    assert key == "${aws_kms_key.notifications.arn}"
    policy = resource("aws_kms_key", "notifications")["policy"]
    assert policy == "${data.aws_iam_policy_document.notifications_key.json}"
    assert publishes["actions"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert one(publishes, "principals")["identifiers"] == ["ses.amazonaws.com"]
    assert one(publishes, "condition")["variable"] == "aws:SourceAccount"
    assert manages["actions"] == ["kms:*"]


TLS_ONLY = {
    ("aws_sns_topic_policy", "notifications", "policy"): ("topic", ["sns:Publish"]),
    ("aws_sqs_queue_policy", "notifications", "policy"): ("queue", ["sqs:*"]),
    ("aws_sqs_queue_policy", "overflow", "policy"): ("overflow_queue", ["sqs:*"]),
    ("aws_sqs_queue_policy", "dead_letters", "policy"): ("dead_letter_queue", ["sqs:*"]),
    ("aws_s3_bucket_policy", "mails", "policy"): ("bucket", ["s3:*"]),
}


@pytest.mark.parametrize("place", TLS_ONLY)
def test_nothing_is_taken_without_tls(place: tuple[str, str, str]) -> None:
    kind, name, field = place
    document, actions = TLS_ONLY[place]

    assert resource(kind, name)[field] == f"${{data.aws_iam_policy_document.{document}.json}}"
    (denies,) = [found for found in statements(document) if found.get("effect") == "Deny"]
    assert denies["actions"] == actions
    assert one(denies, "principals") == {"type": "*", "identifiers": ["*"]}
    assert one(denies, "condition") == {
        "test": "Bool",
        "variable": "aws:SecureTransport",
        "values": ["false"],
    }


def test_every_queue_topic_and_bucket_has_such_a_policy() -> None:
    made = {
        (f"{kind}_policy", name)
        for kind, name in blocks("resource")
        if kind in {"aws_sns_topic", "aws_sqs_queue", "aws_s3_bucket"}
    }

    assert made == {(kind, name) for kind, name, _ in TLS_ONLY}
