"""The part of SNS's query protocol that the relay calls: CreateTopic and ConfirmSubscription."""

import uuid
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tools.aws.web import AwsError, Request, Response

_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
_XML = ((b"content-type", b"text/xml"),)
_ARN = "arn:aws:sns:us-east-1:123456789012:"


class Sns:
    """All topics."""

    throttled = AwsError("Throttled", "Rate exceeded", 429)

    def __init__(self) -> None:
        self._topics: set[str] = set()

    def operation(self, request: Request) -> str:
        """Name the operation."""
        return _form(request).get("Action", "")

    async def answer(self, request: Request) -> Response:
        """Carry out an operation."""
        given = _form(request)
        action = given.get("Action", "")
        if action == "CreateTopic":
            arn = _ARN + given["Name"]
            self._topics.add(arn)
            return _result(action, "TopicArn", arn)
        if action == "ConfirmSubscription":
            arn = given["TopicArn"]
            if arn not in self._topics:
                raise AwsError("NotFound", "Topic does not exist", 404)
            return _result(action, "SubscriptionArn", f"{arn}:{uuid.uuid4()}")
        raise AwsError("InvalidAction", f"{action} is not supported here")

    def refusal(self, error: AwsError) -> Response:
        """Return an error as XML."""
        fault = "Sender" if error.status < 500 else "Receiver"
        text = (
            f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{fault}</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
            "</Error></ErrorResponse>"
        )
        return Response(text.encode(), error.status, _XML)


def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def _result(action: str, name: str, value: str) -> Response:
    text = (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>'
        f"<{name}>{escape(value)}</{name}></{action}Result></{action}Response>"
    )
    return Response(text.encode(), headers=_XML)
