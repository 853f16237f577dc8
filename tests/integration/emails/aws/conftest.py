"""An AWS that gives every call the answer that a test asks for."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from emails.values.deliveries import Outgoing
from emails.values.notifications import StoredMail

MAIL = Outgoing(
    raw=b"From: x7k2@masks.example\r\nTo: ann@owner.example\r\n\r\nHello\r\n",
    sender="x7k2@masks.example",
    recipient="ann@owner.example",
    tags=(("kind", "forward"), ("mask", "random-1")),
)
HERE = StoredMail("mails", "here")


class Answers:
    """A server that gives every call the same answer, or none, and counts the calls."""

    def __init__(self) -> None:
        self.status, self.code = 200, ""
        self.headers: dict[str, str] = {}
        self.calls: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        """The same calls: path, headers in lower case, body."""
        self.hangs_until = Event()
        self.hangs_until.set()
        self.hangs_up = False
        self.text: bytes | None = None
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections += 1

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def do_DELETE(self) -> None:
                self.answer()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.path, headers, body))
                outer.calls.append(json.loads(body) if body.startswith(b"{") else {})
                outer.hangs_until.wait(10)
                if outer.hangs_up:
                    self.close_connection = True
                    return
                error = {"__type": outer.code, "message": "no"}
                xml = f"<Error><Code>{outer.code}</Code></Error>"
                sent = (json.dumps(error) if self.path.startswith("/v2") else xml).encode()
                sent = sent if outer.text is None else outer.text
                self.send_response(outer.status)
                if outer.code:
                    self.send_header("x-amzn-ErrorType", outer.code)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """An AWS that fails as the test asks."""
    failing = Answers()
    monkeypatch.setenv("AWS_ENDPOINT_URL", failing.endpoint)
    yield failing
    failing.hangs_until.set()
    failing.server.shutdown()
    failing.server.server_close()
