"""What Sentry is told of a failure: one event, tagged, and nothing of the mail in it."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.conftest import MASK, OWNER, Relay, logged, wait_for_log
from tests.waiting import wait_until


class Sink:
    """Takes what Sentry's clients send."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_packed = self.headers.get("Content-Encoding") == "gzip"
                sink.bodies.append(gzip.decompress(body) if is_packed else body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.server.server_address[1]}/1"

    def events(self) -> list[dict[str, Any]]:
        """Give the events: in an envelope, an item's header stands in the line before it."""
        found = []
        for body in self.bodies:
            lines = body.split(b"\n")
            for header, item in pairwise(lines[1:]):
                if header.startswith(b"{") and json.loads(header).get("type") == "event":
                    found.append(json.loads(item))
        return found


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.server.shutdown()
    sink.server.server_close()


def test_a_failure_is_one_event_without_anything_of_the_mail(relay: Relay, sink: Sink) -> None:
    """Lesson 35: the integration alone sends the arguments, which are mail, three times over."""
    relay.gate.refuse(400)
    bridge = relay.stack.start_bridge(SENTRY_DSN=sink.dsn)
    relay.stack.start_workers(SENTRY_DSN=sink.dsn)
    message_id = relay.deliver()

    wait_for_log(bridge, "message failed", sqs_message_id=message_id)
    wait_until("an event", sink.events)

    (event,) = [one for one in sink.events() if one["tags"].get("sqs_message_id") == message_id]
    assert event["tags"]["reason"] == "mail_store_rejected"
    assert (event["tags"]["queue"], event["tags"]["attempt"]) == ("inbound", "1")
    everything = b"".join(sink.bodies).decode()
    for secret in ("swordfish", "ann@sender.example", OWNER, MASK):
        assert secret not in everything


def test_an_attempt_that_is_retried_is_no_event(relay: Relay, sink: Sink) -> None:
    relay.gate.refuse(503)
    relay.stack.start_bridge()
    workers = relay.stack.start_workers(SENTRY_DSN=sink.dsn)
    relay.deliver()
    wait_until("two attempts", lambda: len(logged(workers, "not settled")) >= 2)

    relay.gate.open()
    relay.wait_for_empty_queue()
    workers.stop()  # which sends what it still has to send

    assert sink.events() == []
