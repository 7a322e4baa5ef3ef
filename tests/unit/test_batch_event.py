"""What arrives on the queue is understood, and what is no business of ours is let go."""

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.batch.event import Message, UnreadableMessage, read
from maas.batch.names import FileName, Refused, error_key
from maas.batch.names import read as read_name


def notification(key: str, name: str = "ObjectCreated:Put") -> str:
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": name,
        "s3": {
            "bucket": {"name": "data"},
            "object": {"key": key, "size": 1, "eTag": "0123", "sequencer": "0055AED6DCD90281E5"},
        },
    }
    return json.dumps({"Records": [record]})


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not text.endswith("/"))
)
def test_keys_are_decoded(key: str) -> None:
    """Spaces, plus signs and Chinese characters come back as they were."""
    (message,) = read(notification(quote_plus(key)))
    assert message == Message("dropped", "data", key, "0123", "0055AED6DCD90281E5")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "data"}),
        notification("inbox/tiny/"),
        notification("inbox/tiny/a.csv", "ObjectRemoved:Delete"),
        json.dumps({"Records": []}),
    ],
)
def test_what_mentions_no_file_is_let_go(body: str) -> None:
    """S3's test event, folder markers and removals ask for nothing."""
    assert read(body) == []


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "3", "{}", '{"Records": [{}]}', '{"maas": {"kind": 1}}']
)
def test_what_nobody_writes_is_an_error(body: str) -> None:
    """Such a message goes the way of all failures, to the people."""
    with pytest.raises(UnreadableMessage):
        read(body)


def test_our_own_messages_come_back() -> None:
    """A message survives the queue."""
    message = Message("continue", "data", "inbox/tiny/三月.csv", "e", "s")
    assert read(message.body()) == [message]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("inbox/tiny/a.csv", FileName("tiny", "a.csv", "csv", compressed=False)),
        ("inbox/tiny/x/y z.JSONL.GZ", FileName("tiny", "x/y z.JSONL.GZ", "jsonl", compressed=True)),
    ],
)
def test_names_are_read(key: str, expected: FileName) -> None:
    """Model, path, format and compression are in the key."""
    assert read_name(key) == expected
    assert read_name(key).output == f"outbox/{key.removeprefix('inbox/')}"


@pytest.mark.parametrize(
    "key", ["inbox/a.csv", "inbox/Tiny/a.csv", "inbox/tiny/a.xlsx", "inbox/tiny/csv", "x/tiny/a.csv"]
)
def test_other_names_are_refused(key: str) -> None:
    """A person reads what is expected."""
    with pytest.raises(Refused, match=r"inbox/<model>|must end in"):
        read_name(key)
    assert error_key(key).startswith("outbox/")
