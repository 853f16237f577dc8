"""The control API for tests, below `/_local/`, beside AWS's own protocols. JSON in, JSON out.

| request          | what it does                                                               |
| ---------------- | -------------------------------------------------------------------------- |
| POST reset       | forgets everything: queues, buckets, mails, faults, statistics             |
| GET, PUT faults  | gets or sets the faults (`tools.aws.faults.Faults`); omitted ones are off  |
| POST load        | adds objects and messages in bulk: `{bucket, objects, queue, bodies}`      |
| PUT send-events  | publishes each sent mail's event (`tools.local.send_events`)               |
| PUT bounces      | `{address: fields}`: what bounces, and how (`tools.aws.bounces`)           |
| GET contents     | the number of messages in each queue, and the keys in each bucket          |
| GET messages     | of each queue: its messages' ids, SNS's, and how often each was received    |
| GET mails?from=N | the sent mails from number N (from 0) on; `raw` is Base64; `bounced` is    |
|                  | the status of the bounce, empty if it has none, null if nothing bounced    |
| PUT mails        | `{keeps_bodies}`: keep whole mails, or headers only, until a reset         |
| PUT account      | fields of GetAccount's answer (`tools.local.ses_account`); others as usual |
| GET statistics   | requests received (`begun`) and answered (by operation and fate), and when |
|                  | mails were accepted                                                        |
"""

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import orjson

from tools.aws import faults
from tools.aws.cloud import Cloud
from tools.aws.queues import Message, State
from tools.aws.s3 import Stored
from tools.aws.web import CONTROL_PATH, Request, Response
from tools.local.send_events import Destination

_HEADERS = ((b"content-type", b"application/json"),)


class Control:
    """The control API of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._handlers: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("POST", "reset"): lambda _: cloud.reset(),
            ("GET", "faults"): lambda _: faults.as_json(cloud.dice.faults),
            ("PUT", "faults"): self._set_faults,
            ("POST", "load"): self._load,
            ("PUT", "send-events"): self._publish_send_events,
            ("PUT", "bounces"): self._set_bouncing,
            ("GET", "contents"): lambda _: self._contents(),
            ("GET", "messages"): lambda _: self._messages(),
            ("GET", "mails"): self._mails,
            ("PUT", "mails"): self._keep_bodies,
            ("PUT", "account"): self._set_account,
            ("GET", "statistics"): lambda _: self._statistics(),
        }

    def answer(self, request: Request) -> Response:
        """Answer a request; an invalid one with 400 or 404, and the reason."""
        handler = self._handlers.get((request.method, request.path.removeprefix(CONTROL_PATH)))
        if handler is None:
            return _json({"error": f"{request.method} {request.path}: no such request"}, 404)
        try:
            return _json(handler(request))
        except (ValueError, TypeError, KeyError) as error:
            return _json({"error": f"{request.path}: {error}"}, 400)

    def _set_faults(self, request: Request) -> None:
        self._cloud.set_faults(faults.from_json(orjson.loads(request.body)))

    def _publish_send_events(self, request: Request) -> None:
        given = orjson.loads(request.body)
        self._cloud.send_events.destination = Destination.from_json(given)

    def _set_bouncing(self, request: Request) -> None:
        self._cloud.send_events.bouncing = orjson.loads(request.body)

    def _set_account(self, request: Request) -> None:
        self._cloud.ses.account = orjson.loads(request.body)

    def _load(self, request: Request) -> list[str]:
        given = orjson.loads(request.body)
        objects = self._cloud.s3.buckets[given["bucket"]]
        for key, content in given["objects"].items():
            objects[key] = Stored(base64.b64decode(content))
        queue, now = self._cloud.sqs.queues[given["queue"]], time.time()
        messages = [Message(body, now) for body in given["bodies"]]
        for message in messages:
            queue.send(message, now)
        return [message.message_id for message in messages]

    def _contents(self) -> dict[str, Any]:
        now = time.time()
        queues = self._cloud.sqs.queues.values()
        buckets = self._cloud.s3.buckets.items()
        return {
            "messages": {queue.name: sum(queue.count(at, now) for at in State) for queue in queues},
            "objects": {bucket: sorted(objects) for bucket, objects in buckets},
        }

    def _messages(self) -> dict[str, Any]:
        return {
            queue.name: {
                "present": queue.message_ids(),
                "receives": queue.receives,
                "sns_ids": queue.sns_ids,
            }
            for queue in self._cloud.sqs.queues.values()
        }

    def _mails(self, request: Request) -> list[dict[str, Any]]:
        start = int(parse_qs(request.query).get("from", ["0"])[0])
        bounced = self._cloud.send_events.bounced
        return [
            mail.as_json() | {"bounced": bounced.get(mail.ses_id)}
            for mail in self._cloud.ses.accepted[start:]
        ]

    def _keep_bodies(self, request: Request) -> None:
        self._cloud.ses.keeps_bodies = bool(orjson.loads(request.body)["keeps_bodies"])

    def _statistics(self) -> dict[str, Any]:
        requests: dict[str, dict[str, int]] = {}
        for (service, operation, fate), number in self._cloud.requests.items():
            requests.setdefault(f"{service}.{operation}", {})[fate.value] = number
        return {
            "begun": {".".join(what): number for what, number in self._cloud.begun.items()},
            "requests": requests,
            "sent_at": [mail.at for mail in self._cloud.ses.accepted],
        }


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, _HEADERS)
