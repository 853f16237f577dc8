"""How a subscription is confirmed: asked of the topic's region, and not undone by a link."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from bridge.sqs import SqsQueue

ANSWER = b"""<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
<ConfirmSubscriptionResult><SubscriptionArn>a</SubscriptionArn></ConfirmSubscriptionResult>
</ConfirmSubscriptionResponse>"""


class Sns(HTTPServer):
    """Takes confirmations, and keeps who was asked for what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Sns

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.headers["Authorization"], parse_qs(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        return


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sns]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with Sns() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", server.url)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_topics_region_is_asked_and_a_link_in_a_notification_unsubscribes_nothing(
    sns: Sns,
) -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:mail"
    queue = SqsQueue("https://sqs.us-east-1.amazonaws.com/1/mail", "us-east-1", 1, 60)

    queue.confirm_subscription(topic, "a token")

    ((authorization, asked),) = sns.asked
    assert "/eu-west-1/sns/aws4_request" in authorization
    assert asked["TopicArn"] == [topic]
    assert asked["Token"] == ["a token"]
    assert asked["AuthenticateOnUnsubscribe"] == ["true"]
