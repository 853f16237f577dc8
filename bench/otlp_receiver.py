"""An OpenTelemetry collector in a process of its own, which only counts what it gets.

`python -m bench.otlp_receiver PORT`. Spans are decoded when somebody asks how many there are, so
that the receiver takes no time from what is measured.
"""

import json
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tools.local.processes import Process, free_port, is_listening, passed_on


class Receiver:
    """Starts the process, and asks it."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "bench.otlp_receiver", str(port)]
        self._process = Process("receiver", command, passed_on(), folder / "receiver.log")
        self._process.wait_until(lambda: is_listening(port))

    def counts(self) -> Counter[str]:
        """Return how many spans of each name there are, and all `bytes`."""
        with urlopen(f"{self.endpoint}/counts") as answer:
            return Counter(json.load(answer))

    def wait_until_quiet(self, seconds: float) -> Counter[str]:
        """Wait until nothing has come for so long; returns the counts."""
        before, since = self.counts(), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.2)
            if (now := self.counts()) != before:
                before, since = now, time.monotonic()
        return before

    def stop(self) -> None:
        """Stop."""
        self._process.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[bytes]
    counted: Counter[str]

    def do_POST(self) -> None:
        """Take spans."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(b"")

    def do_GET(self) -> None:
        """Say what came."""
        while self.bodies:
            body = self.bodies.pop()
            self.counted["bytes"] += len(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.counted.update(span.name for span in scope.spans)
        self._answer(json.dumps(self.counted).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    _Handler.bodies, _Handler.counted = [], Counter()
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
