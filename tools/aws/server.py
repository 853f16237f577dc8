"""The cloud over HTTP: an ASGI application, and uvicorn to run it."""

from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tools.aws.cloud import Cloud
from tools.aws.control import Control
from tools.aws.web import CONTROL_PATH, Request, Response

_KEEP_ALIVE_SECONDS = 3600

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


def make_server(host: str, port: int) -> uvicorn.Server:
    """Make the server; its `run` serves until a signal, or until `should_exit` is set."""
    app = Application(Cloud(f"http://{host}:{port}"))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_Protocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class _Protocol(HttpToolsProtocol):
    """Passes the transport on, because ASGI can't close a connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class Application:
    """The ASGI application: passes HTTP requests to the cloud and its control API."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._control = Control(cloud)

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Answer one request, or cut its connection."""
        transport = scope["state"]["transport"]
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("ascii"),
            headers=dict(scope["headers"]),
            body=await _body(receive),
            is_abandoned=transport.is_closing,
        )
        response: Response | None
        if request.path.startswith(CONTROL_PATH):
            response = self._control.answer(request)
        else:
            response = await self._cloud.answer(request)
        if response is None:
            transport.abort()
            await _disconnected(receive)
        else:
            await _answer(send, response)


async def _body(receive: Receive) -> bytes:
    event = await receive()
    body: bytes = event.get("body", b"")
    if not event.get("more_body"):
        return body
    parts = [body]
    while event.get("more_body"):
        event = await receive()
        parts.append(event.get("body", b""))
    return b"".join(parts)


async def _answer(send: Send, response: Response) -> None:
    length = (b"content-length", str(len(response.body)).encode())
    headers = (*response.headers, length)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
