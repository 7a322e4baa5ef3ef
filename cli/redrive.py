"""`maas redrive`: files that could not be scored are tried again."""

from typing import Annotated, Any

import typer

from cli import console, deployment
from cli.deployment import StackOption
from cli.target import JsonOption
from maas.batch.event import UnreadableMessage, read


def redrive(
    *,
    stack: StackOption = None,
    most: Annotated[int, typer.Option("--most", help="Send at most so many messages.", min=1)] = 1000,
    dry: Annotated[bool, typer.Option("--list", help="Only show what waits; send nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send the messages of the dead-letter queue to the queue again."""
    found = deployment.find(stack)
    sqs = found.client("sqs")
    queue, dead = found.output("BatchQueueUrl"), found.output("BatchDeadLetterQueueUrl")
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    while len(rows) < most:
        answer = sqs.receive_message(
            QueueUrl=dead,
            MaxNumberOfMessages=min(10, most - len(rows)),
            MessageAttributeNames=["reason"],
            VisibilityTimeout=30,
            WaitTimeSeconds=1,
        )
        messages = [message for message in answer.get("Messages", []) if message["MessageId"] not in seen]
        if not messages:
            break
        for message in messages:
            seen.add(message["MessageId"])
            reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")
            rows.append({"file": _file(message["Body"]), "reason": reason or "delivered too often"})
            if not dry:
                # First sent, then removed: a crash between the two sends it twice, which does no harm.
                sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    if as_json:
        console.emit(rows)
        return
    if rows:
        console.table(["file", "reason"], [(row["file"], row["reason"]) for row in rows])
    console.say(f"{len(rows)} {'wait' if dry else 'sent again'}.")


def _file(body: str) -> str:
    try:
        return ", ".join(message.key for message in read(body)) or "-"
    except UnreadableMessage:
        return "(unreadable)"
