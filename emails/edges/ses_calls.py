"""Calls SES's SendEmail: credentials, endpoint and signature are botocore's, the rest is urllib3's.

boto3's own client takes three times the CPU. A call is never repeated here: SES may have accepted
the mail before the connection broke.
"""

import json
import socket
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.auth import SigV4Auth
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection

from emails.edges import aws
from emails.edges.aws import Answer, Endpoint, find_endpoint
from emails.edges.send_request import SendRequest
from runtime.uptime import uptime_seconds

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSRequest
    from urllib3 import BaseHTTPResponse

_MAX_CONNECTION_SECONDS = 50.0
"""How long connections are used. NATs and load balancers silently cut those that idle for a minute
or a few, and a send on such a connection would be in doubt."""

_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "mail-relay",
}


class SesCalls:
    """The calls of one process; its threads share them. Opens no connection before the first."""

    def __init__(
        self, session: "boto3.session.Session", *, clock: Callable[[], float] = uptime_seconds
    ) -> None:
        self._session = session
        self._clock = clock
        self._lock = Lock()
        self._connected_at = clock()

    def send(self, request: SendRequest) -> Answer:
        """Return what SES answers, if only an error.

        Raises `BotoCoreError` without credentials or an endpoint, and urllib3's `HTTPError` if the
        connection fails: then `request` knows whether SES may have it whole.
        """
        headers = self._signed(request)
        self._drop_old_connections()
        answer = self._connections.urlopen(
            "POST",
            self.endpoint.url,
            body=request.send(),
            headers=headers | {"Content-Length": str(len(request))},
            redirect=False,
            retries=False,
        )
        return _read(answer)

    @cached_property
    def endpoint(self) -> Endpoint:
        """Where botocore would make the call. Raises `BotoCoreError` if there is no such place."""
        content = {"Raw": {"Data": b""}}
        return find_endpoint(
            self._session.region_name, "sesv2", lambda ses: ses.send_email(Content=content)
        )

    @cached_property
    def _connections(self) -> PoolManager:
        url = self.endpoint.url
        settings: dict[str, Any] = {
            "maxsize": aws.MAX_CONNECTIONS,
            "timeout": Timeout(connect=aws.CONNECT_TIMEOUT_SECONDS, read=aws.READ_TIMEOUT_SECONDS),
            "socket_options": [
                *HTTPConnection.default_socket_options,
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            ],
            "cert_reqs": "CERT_REQUIRED",
            "ca_certs": aws.own_ca_bundle() or get_cert_path(True),
        }
        proxies = ProxyConfiguration(proxies=get_environ_proxies(url))
        if proxy := proxies.proxy_url_for(url):
            return ProxyManager(proxy, proxy_headers=proxies.proxy_headers_for(proxy), **settings)
        return PoolManager(**settings)

    def _signed(self, request: SendRequest) -> dict[str, str]:
        """Return the headers of the request, with its signature."""
        if (credentials := self._session.get_credentials()) is None:
            raise NoCredentialsError
        unsigned = SimpleNamespace(
            method="POST",
            url=self.endpoint.url,
            params={},
            headers=_HEADERS | {"X-Amz-Content-SHA256": request.sha256()},
            context={},
        )
        signer = SigV4Auth(
            credentials.get_frozen_credentials(), self.endpoint.service, self.endpoint.region
        )
        signer.add_auth(cast("AWSRequest", unsigned))
        return cast("dict[str, str]", unsigned.headers)

    def _drop_old_connections(self) -> None:
        """Let the next calls connect anew, if it is time. Those under way keep their connection."""
        with self._lock:
            if self._clock() - self._connected_at < _MAX_CONNECTION_SECONDS:
                return
            self._connected_at = self._clock()
        self._connections.clear()


def _read(answer: "BaseHTTPResponse") -> Answer:
    """Read an answer. SES names an error in a header, or else in the body.

    https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
    """
    try:
        fields = json.loads(answer.data)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        fields = {}
    if answer.status == HTTPStatus.OK:
        return Answer(answer.status, fields=fields)
    name = answer.headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code")
    code = str(name or answer.status).partition(":")[0].rpartition("#")[2]
    return Answer(answer.status, code, str(fields.get("message") or fields.get("Message") or ""))
