"""The Terraform: its policies are what the code calls, the values it gives are our settings."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from bridge.config import BridgeConfig
from emails.values.held import PREFIX
from relay.config import RelayConfig
from runtime.env import describe
from tests.unit.deploy.aws_calls import actions_of
from tests.unit.deploy.examples import ROOT
from tools.local.aws import MAX_RECEIVES

TERRAFORM = ROOT / "deploy" / "terraform"
OPERATIONS = ROOT / "relay" / "operations"
SESSIONS = ROOT / "runtime" / "aws.py"
BRIDGE = [SESSIONS, *sorted((ROOT / "bridge").rglob("*.py"))]
EDGES = ROOT / "emails" / "edges"
WORKER = [
    SESSIONS,
    *(EDGES / f"{name}.py" for name in ("account", "aws", "quick_s3", "s3", "ses", "ses_calls")),
    *(OPERATIONS / name for name in ("tasks.py", "read_gauges.py")),
]
WEB = sorted(
    path for folder in ("dashboard", "judgement") for path in (OPERATIONS / folder).rglob("*.py")
)
OPERATOR = sorted(set(OPERATIONS.rglob("*.py")) - {*WORKER, *WEB})

OF_NO_RESOURCE = {"ses:GetAccount"}
"""Only reading, and AWS knows no resource for it.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html"""

Block = dict[str, Any]


def plain(value: Any) -> Any:
    """Take off what the parser leaves of the source: quotes, comments, and its own marks."""
    if isinstance(value, dict):
        kept = {plain(name): plain(one) for name, one in value.items()}
        return {n: one for n, one in kept.items() if n not in {"__comments__", "__is_block__"}}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


@cache
def blocks(kind: str) -> dict[tuple[str, ...], Block]:
    """Find all blocks of a kind, by their labels: `("aws_sqs_queue", "notifications")`."""
    found: dict[tuple[str, ...], Block] = {}
    for path in sorted(TERRAFORM.glob("*.tf")):
        with path.open() as file:
            for block in plain(hcl2.load(file)).get(kind, []):
                for label, content in block.items():
                    if kind in {"resource", "data"}:
                        found |= {(label, name): one for name, one in content.items()}
                    else:
                        found[(label,)] = content
    return found


def resource(kind: str, name: str) -> Block:
    return blocks("resource")[(kind, name)]


def one(block: Block, name: str) -> Block:
    """Take the only nested block of a name."""
    (content,) = block[name]
    found: Block = content
    return found


def statements(name: str) -> list[Block]:
    found: list[Block] = blocks("data")[("aws_iam_policy_document", name)]["statement"]
    return found


def allowed(name: str) -> set[str]:
    return {action for statement in statements(name) for action in statement["actions"]}


# --- IAM -----------------------------------------------------------------------------------------


def test_the_bridge_may_do_what_it_does_and_no_more() -> None:
    assert allowed("bridge") == actions_of(BRIDGE)


def test_workers_may_do_what_they_do_and_no_more() -> None:
    asked_for_raw_mails = {"ses:SendRawEmail"}

    assert allowed("worker") == actions_of(WORKER) | asked_for_raw_mails


def test_the_web_process_may_do_what_its_dashboard_does_and_no_more() -> None:
    assert allowed("web") == actions_of(WEB)


def test_what_other_processes_need_of_aws_is_an_operators() -> None:
    assert actions_of(OPERATOR) <= allowed("operator") | allowed("worker")


def test_no_other_code_calls_aws() -> None:
    known = {*BRIDGE, *WORKER, *WEB, *OPERATOR}
    others = [
        path
        for folder in ("emails", "relay", "runtime")
        for path in (ROOT / folder).rglob("*.py")
        if path not in known
    ]

    makes_clients = re.compile(r"^\s*(import|from) (boto|obstore)(?!core.loaders )", re.MULTILINE)
    assert [path for path in others if makes_clients.search(path.read_text())] == []


def test_the_calls_are_really_found() -> None:
    assert {"sqs:DeleteMessage", "sqs:ReceiveMessage"} <= actions_of(BRIDGE)
    assert actions_of([OPERATIONS / "read_gauges.py"]) == {"sqs:GetQueueAttributes"}


@pytest.mark.parametrize("name", ["autoscaler", "bridge", "operator", "web", "worker"])
def test_a_policy_names_its_actions_and_its_resources(name: str) -> None:
    for statement in statements(name):
        assert statement.get("effect", "Allow") == "Allow"
        assert "*" not in "".join(statement["actions"])
        if set(statement["actions"]) <= OF_NO_RESOURCE:
            continue
        resources = str(statement["resources"])
        assert "'*'" not in resources
        assert re.search(r"aws_(s3_bucket|sqs_queue|sns_topic|sesv2_email_identity)", resources)


def test_each_policy_is_made() -> None:
    text = (TERRAFORM / "iam.tf").read_text()
    documents = {n for kind, n in blocks("data") if kind == "aws_iam_policy_document"}
    others = {
        "bucket",
        "dead_letter_queue",
        "notifications_key",
        "overflow_queue",
        "queue",
        "topic",
    }
    ours = documents - others

    assert ours == set(re.findall(r"= data\.aws_iam_policy_document\.(\w+)\.json", text))


@pytest.mark.parametrize("name", ["bucket", "topic", "queue"])
def test_a_service_of_aws_is_let_in_for_our_own_resources_alone(name: str) -> None:
    """Without it, anybody's SES or SNS could write to what is ours."""
    for statement in statements(name):
        if one(statement, "principals")["type"] == "Service":
            variables = {condition["variable"] for condition in statement["condition"]}
            assert "aws:SourceArn" in variables


# --- what there is -------------------------------------------------------------------------------


def test_no_mail_is_readable_by_others() -> None:
    block = resource("aws_s3_bucket_public_access_block", "mails")

    assert {value for value in block.values() if isinstance(value, bool)} == {True}
    assert sum(value is True for value in block.values()) == 4
    rule = one(resource("aws_s3_bucket_server_side_encryption_configuration", "mails"), "rule")
    default = one(rule, "apply_server_side_encryption_by_default")
    assert default["sse_algorithm"] == "AES256"


def test_mails_outlive_the_messages_about_them() -> None:
    days = blocks("variable")[("mail_expiry_days",)]["default"]
    retention = resource("aws_sqs_queue", "dead_letters")["message_retention_seconds"]

    assert retention == "${14 * 24 * 3600}"
    assert days > 14


def test_held_mails_are_spared_by_the_short_expiry_and_outlive_ours() -> None:
    """Of several rules that match a mail, S3 follows the one with the shortest time."""
    rules = resource("aws_s3_bucket_lifecycle_configuration", "mails")["rule"]
    expiring = {
        str(one(rule, "filter").get("prefix", "")): str(one(rule, "expiration")["days"])
        for rule in rules
        if "expiration" in rule
    }
    stored = one(resource("aws_ses_receipt_rule", "store_and_tell"), "s3_action")

    assert expiring.keys() == {"${local.mails_prefix}", PREFIX}
    assert stored["object_key_prefix"] == "${local.mails_prefix}"
    assert "var.held_mail_keep_days + 15" in expiring[PREFIX]
    (default,) = [s.default for s in describe(RelayConfig) if s.name == "HELD_MAIL_KEEP_DAYS"]
    assert str(blocks("variable")[("held_mail_keep_days",)]["default"]) == default


def test_workers_write_held_mails_only() -> None:
    (statement,) = [s for s in statements("worker") if "s3:PutObject" in s["actions"]]

    assert statement["resources"] == [f"${{aws_s3_bucket.mails.arn}}/{PREFIX}*"]


def test_messages_wait_for_as_long_as_sqs_allows() -> None:
    queue = resource("aws_sqs_queue", "notifications")

    assert queue["message_retention_seconds"] == "${14 * 24 * 3600}"
    assert "aws_sqs_queue.dead_letters.arn" in queue["redrive_policy"]
    assert "var.max_receive_count" in queue["redrive_policy"]
    allow = resource("aws_sqs_queue_redrive_allow_policy", "dead_letters")
    assert "byQueue" in allow["redrive_allow_policy"]


def test_the_local_aws_delivers_a_message_as_often_as_terraform_allows() -> None:
    assert blocks("variable")[("max_receive_count",)]["default"] == MAX_RECEIVES


def test_an_outage_of_a_day_dead_letters_no_mail_and_two_hours_dead_letter_what_is_rejected() -> (
    None
):
    """The arithmetic of docs/delivery.md: two bridges, each restarted every hour."""
    receives = blocks("variable")[("max_receive_count",)]["default"]
    hidden_seconds = blocks("variable")[("visibility_timeout_seconds",)]["default"]

    assert receives >= 24 * 2 + 12
    assert receives * hidden_seconds <= 2 * 3600


def test_envelopes_are_signed_in_version_2_and_arrive_whole() -> None:
    assert resource("aws_sns_topic", "notifications")["signature_version"] == 2
    assert resource("aws_sns_topic_subscription", "queue")["raw_message_delivery"] is False
    assert environment()["AWS_SNS_SIGNATURE_VERSIONS"] == "2"


def test_ses_tells_of_what_the_bridge_takes() -> None:
    feedback = resource("aws_sesv2_configuration_set_event_destination", "feedback")
    destination = one(feedback, "event_destination")

    assert destination["matching_event_types"] == ["BOUNCE", "COMPLAINT", "SEND"]
    rule = resource("aws_ses_receipt_rule", "store_and_tell")
    assert rule["scan_enabled"] is True
    assert "topic_arn" in one(rule, "s3_action")


# --- what comes out ------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    value: dict[str, str] = blocks("output")[("environment",)]["value"]
    return value


def test_the_values_that_come_out_are_settings() -> None:
    known = {setting.name for setting in (*describe(BridgeConfig), *describe(RelayConfig))}

    assert environment().keys() <= known
    required = {
        s.name for s in (*describe(BridgeConfig), *describe(RelayConfig)) if s.default is None
    }
    assert {name for name in required if name.startswith("AWS_")} <= environment().keys()


def test_the_visibility_timeout_is_the_bridges_own_default() -> None:
    (default,) = [
        setting.default
        for setting in describe(BridgeConfig)
        if setting.name == "PROCESS_EMAIL_VISIBILITY_SECONDS"
    ]

    assert str(blocks("variable")[("visibility_timeout_seconds",)]["default"]) == default


@pytest.mark.parametrize("page", [TERRAFORM / "README.md", ROOT / "docs" / "iam.md"], ids=str)
def test_the_pages_name_the_actions_as_they_are(page: Path) -> None:
    text = page.read_text()
    named = set(re.findall(r"\b((?:sqs|sns|s3|ses):[A-Z]\w+)", text))
    every = {
        action
        for name in ("autoscaler", "bridge", "operator", "web", "worker")
        for action in allowed(name)
    }

    assert named <= every | {"s3:PutObject", "s3:ListBucket", "sns:Publish", "sqs:SendMessage"}
    if page.name == "iam.md":
        assert named >= every
