"""All services behind one address, with the injected faults in front of them."""

import asyncio
from collections import Counter

from tools.aws import ses
from tools.aws.faults import Dice, Fate, Faults, Outage
from tools.aws.s3 import S3
from tools.aws.send_events import SendEvents
from tools.aws.ses import Ses
from tools.aws.sns import Sns
from tools.aws.sqs import Sqs
from tools.aws.web import AwsError, Request, Response, Service

_INTERNAL = AwsError("InternalError", "We encountered an internal error. Please try again.", 500)
_UNAVAILABLE = AwsError("ServiceUnavailable", "Service is unable to handle request.", 503)

_CARRIED_OUT = (Fate.ANSWERED, Fate.UNCONFIRMED, Fate.CUT)


class Cloud:
    """The services' state; routes each request to its service."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._faults_changed = asyncio.Event()
        self._make()

    def _make(self) -> None:
        self.dice = Dice()
        self.sqs = Sqs(self.dice, self._base_url)
        self.s3 = S3(self.dice)
        self.send_events = SendEvents(self.dice, lambda name: self.sqs.queues[name])
        self.ses = Ses(publish=self.send_events.publish)
        self.requests: Counter[tuple[str, str, Fate]] = Counter()
        self.begun: Counter[tuple[str, str]] = Counter()
        self._services: dict[str, Service] = {
            "sqs": self.sqs,
            "s3": self.s3,
            "ses": self.ses,
            "sns": Sns(),
        }

    def reset(self) -> None:
        """Forget everything."""
        self.sqs.stop()
        self._make()
        self._announce_faults()

    def set_faults(self, faults: Faults) -> None:
        """Inject these faults from now on."""
        self.dice.set(faults)
        self._announce_faults()

    async def answer(self, request: Request) -> Response | None:
        """Answer a request; None means: cut the connection instead."""
        name = _service_name(request)
        service = self._services[name]
        operation = service.operation(request)
        self.begun[name, operation] += 1
        if delay := self.dice.delay_seconds(name):
            await asyncio.sleep(delay)
        fate, response = self.dice.fate(name, operation), None
        refused = self.dice.of(name).refused if fate is Fate.REFUSED else None
        if fate in _CARRIED_OUT or (refused and refused.is_carried_out):
            response = await _carried_out(service, request)
            # An outage may have begun while this request waited for a message.
            if self.dice.of(name).has_outage(operation):
                fate = Fate.OUTAGE
        self.requests[name, operation, fate] += 1
        if refused and fate is Fate.REFUSED:
            return service.refusal(AwsError(refused.code, refused.message, refused.status))
        match fate:
            case Fate.ANSWERED:
                return response
            case Fate.CUT:
                return None
            case Fate.THROTTLED:
                return service.refusal(service.throttled)
            case Fate.FAILED | Fate.UNCONFIRMED:
                return service.refusal(_INTERNAL)
            case Fate.OUTAGE | Fate.REFUSED:
                return await self._during_outage(name, service)

    async def _during_outage(self, name: str, service: Service) -> Response | None:
        while self.dice.of(name).outage is Outage.SILENT:
            await self._faults_changed.wait()
        has_error = self.dice.of(name).outage is Outage.ERRORS
        return service.refusal(_UNAVAILABLE) if has_error else None

    def _announce_faults(self) -> None:
        # Wakes the requests that wait now; later ones wait on the new event.
        self._faults_changed.set()
        self._faults_changed = asyncio.Event()


async def _carried_out(service: Service, request: Request) -> Response:
    try:
        return await service.answer(request)
    except AwsError as error:
        return service.refusal(error)


def _service_name(request: Request) -> str:
    if b"x-amz-target" in request.headers:
        return "sqs"
    if request.path.startswith(ses.PATH):
        return "ses"
    if request.path == "/" and request.method == "POST":
        return "sns"
    return "s3"
