"""An endpoint of AWS credentials, like EKS's agent, which may be down."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_VALID = timedelta(hours=12)


class CredentialsEndpoint:
    """Gives each process credentials whose access key is the process's name."""

    def __init__(self) -> None:
        self.is_down = False
        self.requests = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.requests += 1
                body = json.dumps(_credentials(self.path.strip("/"))).encode()
                self.send_response(503 if endpoint.is_down else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def settings(self, process: str) -> dict[str, str]:
        """Return the settings of a process that gets its credentials here."""
        return credentials_at(self._server.server_address[1], process)

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()


def credentials_at(port: int, process: str) -> dict[str, str]:
    """Return the settings of a process that gets its credentials at this port."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/{process}",
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
    }


def _credentials(process: str) -> dict[str, str]:
    expires = (datetime.now(UTC) + _VALID).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "AccessKeyId": process,
        "SecretAccessKey": "test",
        "Token": "test",
        "Expiration": expires,
    }
