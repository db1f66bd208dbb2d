"""S3's events reach a queue in order, and a function in batches as large as its mapping takes, each once."""

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from devlake.emulator import Emulator

pytestmark = pytest.mark.slow

OBJECTS = 60


def make_queue(aws: Emulator, name: str) -> tuple[str, str]:
    """The URL and the ARN of a queue that S3 may write to."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def put_objects(aws: Emulator, queue: str, bucket: str) -> list[str]:
    """Put OBJECTS into a bucket that tells `queue` of them; their keys in order."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    told = [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": told}, SkipDestinationValidation=True
    )
    keys = [f"raw/{number}" for number in range(OBJECTS)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return keys


def wait_for(there: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := there():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


def key_of(body: str) -> str:
    return str(json.loads(body)["Records"][0]["s3"]["object"]["key"])


def test_a_queue_has_the_events_in_the_order_of_the_objects(emulator: Emulator) -> None:
    sqs = emulator.client("sqs")
    url, arn = make_queue(emulator, "in-order")
    keys = put_objects(emulator, arn, "events-in-order")
    read: list[str] = []

    def receive() -> bool:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        read.extend(key_of(message["Body"]) for message in messages)
        return len(read) >= OBJECTS

    wait_for(receive)
    assert read == keys


def test_settings_hold_from_the_moment_that_they_are_changed(emulator: Emulator) -> None:
    s3, sqs = emulator.client("s3"), emulator.client("sqs")
    url, arn = make_queue(emulator, "new-settings")
    s3.create_bucket(Bucket="new-settings")
    for prefix in ("first/", "second/"):
        rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
        told = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": rules}]
        s3.put_bucket_notification_configuration(
            Bucket="new-settings",
            NotificationConfiguration={"QueueConfigurations": told},
            SkipDestinationValidation=True,
        )
        for key in (f"first/of {prefix}", f"second/of {prefix}"):
            s3.put_object(Bucket="new-settings", Key=key, Body=b"x")
        message = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        assert key_of(message["Body"]) == f"{prefix}of+{prefix}"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize(("size", "largest"), [(1000, OBJECTS), (10, 10)])
def test_a_function_has_each_event_once_in_batches_of_its_mapping(size: int, largest: int, emulator: Emulator) -> None:
    name = f"batches-of-{size}"
    url, arn = make_queue(emulator, name)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("app.py", "def handler(event, context):\n    return {}\n")
    lam = emulator.client("lambda")
    lam.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role="arn:aws:iam::123456789012:role/r",
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
    )
    put_objects(emulator, arn, name)
    lam.create_event_source_mapping(
        EventSourceArn=arn, FunctionName=name, BatchSize=size, MaximumBatchingWindowInSeconds=60
    )

    def batches() -> list[int]:
        said = re.findall(rf"Lambda {name} processed (\d+) SQS messages", emulator.log.read_text(encoding="utf-8"))
        return [int(count) for count in said]

    wait_for(lambda: sum(batches()) >= OBJECTS)
    assert sum(batches()) == OBJECTS
    assert max(batches()) == largest
    counts = emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"
