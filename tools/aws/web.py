"""HTTP as the services see it: a request, a response, and AWS's errors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

CONTROL_PATH = "/_local/"
"""The prefix of the control API's paths; all others are AWS's."""

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class Request:
    """One complete request; `path` is decoded, and header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes
    is_abandoned: Callable[[], bool]
    """Returns whether the client has hung up."""


@dataclass(slots=True)
class Response:
    """One complete response."""

    body: bytes = b""
    status: int = 200
    headers: Headers = ()


class AwsError(Exception):
    """An error of AWS; each service encodes it in its own protocol."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


class Service(Protocol):
    """One of AWS's services."""

    throttled: AwsError
    """The error for too many requests."""

    def operation(self, request: Request) -> str:
        """Name the requested API operation."""

    async def answer(self, request: Request) -> Response:
        """Carry out the request. Raises `AwsError`."""

    def refusal(self, error: AwsError) -> Response:
        """Return an error in the service's protocol."""
