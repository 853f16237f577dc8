"""An OpenTelemetry collector: takes OTLP over HTTP, and decodes it."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as a collector gets it. Ids are hexadecimal; `links` are the linked spans' ids."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: dict[str, str | int]
    is_failed: bool


class Collector:
    """Collects spans, and keeps what was sent word for word."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.raw = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/x-protobuf"
                assert self.path == "/v1/traces"
                collector._take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def named(self, name: str) -> list[Seen]:
        """Return the spans of a name, in the order of their arrival."""
        return [span for span in self.spans if span.name == name]

    def wait_for(self, name: str, number: int = 1) -> list[Seen]:
        """Wait until so many spans of a name have arrived; returns all of them."""
        wait_until(f"{number} of {name}", lambda: len(self.named(name)) >= number)
        return self.named(name)

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.raw += body
        for resource in request.resource_spans:
            about = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_seen(about["service.name"], span) for span in scope.spans]


def of_queue(operation: str, queue_url: str) -> str:
    """Name the bridge's spans of a queue: `receive` or `process`."""
    return f"{operation} {queue_url.rpartition('/')[2]}"


def _seen(service: str, span: Span) -> Seen:
    return Seen(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        tuple(link.span_id.hex() for link in span.links),
        {one.key: one.value.string_value or one.value.int_value for one in span.attributes},
        span.status.code == Status.STATUS_CODE_ERROR,
    )
