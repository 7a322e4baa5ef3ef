"""The service's own queue, and the one for what cannot be scored."""

from typing import TYPE_CHECKING

from maas.batch.event import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_LONGEST_DELAY = 900
_MAX_ATTRIBUTE = 1000


class Queue:
    """Sends messages; SQS repeats what it does not acknowledge, so any of them may arrive twice.

    Args:
        client: An SQS client.
        url: The queue that the batch function reads.
        dead_letters: The queue that people look into.
    """

    def __init__(self, client: "SQSClient", url: str, dead_letters: str) -> None:
        self._client = client
        self._url = url
        self._dead_letters = dead_letters

    def send(self, message: Message, *, delay: float = 0) -> None:
        """Send a message to ourselves, to arrive after `delay` seconds, at most 15 minutes."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=message.body(),
            DelaySeconds=min(_LONGEST_DELAY, max(0, round(delay))),
        )

    def retry(self, receipt: str, *, delay: float) -> None:
        """Let a message that is not acknowledged come again after `delay` seconds, not after its timeout."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=round(delay)
        )

    def bury(self, message: Message, reason: str) -> None:
        """Put a message where people see it, with the reason; redriven, its file is tried again."""
        self._client.send_message(
            QueueUrl=self._dead_letters,
            MessageBody=message._replace(kind="redrive").body(),
            MessageAttributes={
                "reason": {"DataType": "String", "StringValue": reason[:_MAX_ATTRIBUTE] or "unknown"}
            },
        )
