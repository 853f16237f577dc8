"""An HTTP proxy in front of AWS that can hold, refuse and count requests.

boto3's own variables (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_SESV2`) point workers at it, so
faults are injected on the network and our code runs unchanged.
"""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Gate:
    """Forwards HTTP requests to `upstream`, except after `hold` and `refuse`."""

    def __init__(self, upstream: str) -> None:
        self.arrived = 0
        self.deleted = 0
        """How many deletions S3 has carried out whose answers are held."""
        self._answers_deletions = threading.Event()
        self._answers_deletions.set()
        self._open = threading.Event()
        self._open.set()
        self._status: int | None = None
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                gate.arrived += 1
                gate._open.wait()
                if gate._status is not None:
                    self._answer(gate._status, {}, b"")
                    return
                answer = gate._pass_on(self.command, self.path, dict(self.headers), body)
                if self.path.endswith("?delete") and not gate._answers_deletions.is_set():
                    gate.deleted += 1
                    gate._answers_deletions.wait()
                self._answer(*answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def _answer(self, status: int | None, headers: dict[str, str], body: bytes) -> None:
                if status is None:
                    self.close_connection = True
                    return
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        if name.lower() not in (
                            "content-length",
                            "transfer-encoding",
                            "connection",
                        ):
                            self.send_header(name, value)
                    # Of an answer to HEAD, the length is that of the body which it leaves out.
                    is_head = self.command == "HEAD"
                    size = headers.get("content-length") if is_head else None
                    self.send_header("Content-Length", size or str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    return  # the client was killed: some tests do that

            def log_message(self, format: str, *args: object) -> None:
                return

        self._upstream = urlsplit(upstream)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The address it listens on."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self) -> None:
        """Hold requests until `open`."""
        self._open.clear()

    def hold_deletions(self) -> None:
        """Let S3 delete mails, but hold its answers until `open`."""
        self._answers_deletions.clear()

    def refuse(self, status: int) -> None:
        """Answer requests with this status until `open`."""
        self._status = status

    def open(self) -> None:
        """Forward requests again, held ones included."""
        self._status = None
        self._open.set()
        self._answers_deletions.set()

    def close(self) -> None:
        """Release held requests and stop."""
        self.open()
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int | None, dict[str, str], bytes]:
        """Return the answer; without a status, the connection is closed without one."""
        connection = http.client.HTTPConnection(self._upstream.netloc, timeout=20)
        others = {name: value for name, value in headers.items() if name.lower() != "host"}
        headers = {"Host": self._upstream.netloc, **others}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, fields, content
