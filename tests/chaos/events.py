"""S3 events that come twice, late, in another order, or as nonsense: sent to the queue of the deployed stack."""

import datetime as dt
import json
import random
from typing import Any
from urllib.parse import quote_plus

from tests.chaos.plan import Fault

_COUNTS = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
_NONSENSE = ("not JSON", "[]", '{"Records": [{}]}', '{"Records": [{"eventTime": "yesterday"}]}', "\N{SNOWMAN}")


class Queue:
    """The raw events' queue; `malformed` are the bodies that no one can read and that must be kept, not lost."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self.malformed: list[str] = []

    def disturb(self, fault: Fault, keys: list[str]) -> None:
        """Send what `fault` says, about raw objects out of `keys`."""
        dice = random.Random(fault.dice)
        now = dt.datetime.now(dt.timezone.utc)
        if fault.kind == "event malformed":
            body = dice.choice(_NONSENSE)
            self.malformed.append(body)
            self._send(body)
        elif not keys:
            return
        elif fault.kind == "event doubled":
            body = _body(dice.choice(keys), now)
            self._send(body)
            self._send(body)
        elif fault.kind == "event late":
            self._send(_body(dice.choice(keys), now - dt.timedelta(minutes=dice.randint(1, 600))))
        else:
            for seconds in dice.sample(range(60), 4):
                self._send(_body(dice.choice(keys), now - dt.timedelta(seconds=seconds)))

    def left(self) -> int:
        """How many events are neither acknowledged nor among the malformed ones."""
        counts = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=_COUNTS)["Attributes"]
        return sum(int(counts[name]) for name in _COUNTS) - len(self.malformed)

    def _send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)


def _body(key: str, time: dt.datetime) -> str:
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "s3": {"object": {"key": quote_plus(key, safe="/")}},
    }
    return json.dumps({"Records": [record]})
