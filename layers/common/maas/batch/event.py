"""What arrives on the queue: notifications of S3, and the jobs' own messages."""

import json
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_plus

Kind = Literal["dropped", "continue", "look", "redrive"]


class Message(NamedTuple):
    """One object to be scored, and why it is mentioned.

    Attributes:
        kind: `dropped`: S3 tells of it. `continue`: its job goes on here. `look`: somebody else was at it;
            see whether they finished. `redrive`: a person sends it again after it failed.
        bucket: The bucket's name.
        key: The object's key, decoded.
        etag: Its entity tag, without quotes.
        sequencer: S3's order of events on one key; the same for duplicates of one event.
    """

    kind: Kind
    bucket: str
    key: str
    etag: str
    sequencer: str = ""

    def body(self) -> str:
        """The message as one of ours, for the queue."""
        return json.dumps({"maas": self._asdict()})

    def as_kind(self, kind: Kind) -> "Message":
        """The same object, mentioned for another reason."""
        return self._replace(kind=kind)


class UnreadableMessage(ValueError):
    """Neither S3 nor this service writes such messages."""


def read(body: str) -> list[Message]:
    """The objects that a message on the queue mentions; none in S3's test event and in folder markers.

    Raises:
        UnreadableMessage: It is neither a notification nor a message of ours.
    """
    try:
        document = json.loads(body)
        if "maas" in document:
            return [Message(**document["maas"])]
        if document.get("Event") == "s3:TestEvent":
            return []
        found = [_dropped(record) for record in document["Records"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableMessage(f"neither a notification of S3 nor a message of ours: {error!r}") from error
    return [message for message in found if message is not None]


def _dropped(record: dict[str, Any]) -> Message | None:
    if not str(record["eventName"]).startswith(("ObjectCreated:", "s3:ObjectCreated:")):
        return None
    s3 = record["s3"]
    key = unquote_plus(s3["object"]["key"])  # S3 writes a space as +
    if key.endswith("/"):
        return None
    etag = str(s3["object"].get("eTag", "")).strip('"')
    return Message("dropped", s3["bucket"]["name"], key, etag, str(s3["object"].get("sequencer", "")))
