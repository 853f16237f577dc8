"""HTTP as the services see it: a request, a response, and an error of AWS's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

CONTROL_PATH = "/_local/"
"""Below it is what a test orders and asks; all else is AWS's."""

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class Request:
    """One request, whole; `path` is decoded, and the names of `headers` are lower case."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes
    is_abandoned: Callable[[], bool]
    """Tells whether the client has hung up."""


@dataclass(slots=True)
class Response:
    """One answer, whole."""

    body: bytes = b""
    status: int = 200
    headers: Headers = ()


class AwsError(Exception):
    """An error that AWS answers with; each service says it in its own protocol."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


class Service(Protocol):
    """One of AWS's services."""

    throttled: AwsError
    """What it answers when it is asked too often."""

    def operation(self, request: Request) -> str:
        """Name the API operation that is asked for."""

    async def answer(self, request: Request) -> Response:
        """Carry it out. Raises `AwsError`."""

    def refusal(self, error: AwsError) -> Response:
        """Say an error in the service's protocol."""
