"""S3 events that come twice, late, in another order, or as nonsense: sent to the queue of the deployed stack."""

import datetime as dt
import json
import random
from typing import Any
from urllib.parse import quote_plus

from tests.chaos.faults import EventFault, Fault

_COUNTS = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
_NONSENSE = ("not JSON", "[]", '{"Records": [{}]}', '{"Records": [{"eventTime": "yesterday"}]}', "\N{SNOWMAN}")


class Queue:
    """The raw events' queue; `malformed` are the bodies that no one can read and that must be kept, not lost."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self.malformed: list[str] = []

    def send_faulty(self, fault: Fault, keys: list[str]) -> None:
        """Send the events of `fault`, about raw objects out of `keys`."""
        rng = random.Random(fault.seed)
        if fault.kind is EventFault.MALFORMED:
            body = rng.choice(_NONSENSE)
            self.malformed.append(body)
            self._send(body)
        elif keys:
            now = dt.datetime.now(dt.timezone.utc)
            for key, age in _chosen(fault, keys, rng):
                self._send(_body(key, now - age))

    def left(self) -> int:
        """How many events are neither acknowledged nor among the malformed ones."""
        return left_in(self._sqs, self._url) - len(self.malformed)

    def _send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)


def left_in(sqs: Any, url: str) -> int:
    """How many messages a queue holds."""
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
    return sum(int(counts[name]) for name in _COUNTS)


def _chosen(fault: Fault, keys: list[str], rng: random.Random) -> list[tuple[str, dt.timedelta]]:
    """The key and the age of each event that is sent, in order."""
    match fault.kind:
        case EventFault.DOUBLED:
            return [(rng.choice(keys), dt.timedelta())] * 2
        case EventFault.LATE:
            return [(rng.choice(keys), dt.timedelta(minutes=rng.randint(1, 600)))]
        case _:
            return [(rng.choice(keys), dt.timedelta(seconds=seconds)) for seconds in rng.sample(range(60), 4)]


def _body(key: str, time: dt.datetime) -> str:
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "s3": {"object": {"key": quote_plus(key, safe="/")}},
    }
    return json.dumps({"Records": [record]})
