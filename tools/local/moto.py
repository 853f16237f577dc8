"""`python -m tools.local.moto --port N`: moto's server, whose SES publishes `Send` events if asked.

moto answers each request; this looks at the requests that send mails, and at their answers. It also
refuses the mails that SES refuses, and moto doesn't.
"""

import argparse
import base64
import io
import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

from tools.local import ses_account, ses_limits
from tools.local.send_events import CONTROL_PATH, Destination, tags_of

_SEND_PATH = "/v2/email/outbound-emails"
_RESET_PATH = "/moto-api/reset"
_ACCOUNT, _REGION = "123456789012", "us-east-1"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Publishing:
    """A WSGI application around moto's."""

    def __init__(self, moto: Application) -> None:
        self._moto = moto
        self._destination: Destination | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"]
        if path == CONTROL_PATH:
            self._destination = Destination.from_json(json.loads(_body(environ)))
            start_response("200 OK", [("Content-Type", "application/json")])
            return [b"null"]
        if path == ses_account.PATH:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(ses_account.described({}, 0)).encode()]
        if path == _RESET_PATH:
            self._destination = None
        if path == _SEND_PATH:
            body = _body(environ)
            environ["wsgi.input"] = io.BytesIO(body)
            if refusal := ses_limits.refusal_of(_raw_in(body)):
                return _refused(refusal, start_response)
            if self._destination is not None:
                return self._send(self._destination, body, environ, start_response)
        return self._moto(environ, start_response)

    def _send(
        self, to: Destination, body: bytes, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        statuses = list[str]()

        def start(status: str, *others: Any) -> Any:
            statuses.append(status)
            return start_response(status, *others)

        answer = b"".join(self._moto(environ, start))
        if statuses[-1].startswith(str(HTTPStatus.OK.value)):
            _publish(to, json.loads(body), json.loads(answer)["MessageId"])
        return [answer]


def _raw_in(body: bytes) -> bytes:
    raw = json.loads(body).get("Content", {}).get("Raw", {}).get("Data", "")
    return base64.b64decode(raw)


def _refused(refusal: str, start_response: StartResponse) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", ses_limits.CODE)]
    start_response("400 Bad Request", headers)
    return [json.dumps({"message": refusal}).encode()]


def _publish(to: Destination, sent: dict[str, Any], ses_id: str) -> None:
    recipients = sent["Destination"]["ToAddresses"]
    envelope = to.envelope(ses_id, sent["FromEmailAddress"], recipients, tags_of(sent))
    get_backend("sqs")[_ACCOUNT][_REGION].send_message(to.queue, envelope)


def _body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def make_application() -> Publishing:
    """Make the application to serve."""
    return Publishing(DomainDispatcherApplication(create_backend_app))


def main() -> None:
    """Run the server at the given address."""
    parser = argparse.ArgumentParser(prog="python -m tools.local.moto", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    run_simple(given.host, given.port, make_application(), threaded=True)


if __name__ == "__main__":
    main()
