"""What plays S3, registry and queue for the batch function here: in memory, and hardly any of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from maas.batch.event import Message
from maas.batch.files import Files, Head
from maas.errors import AlreadyExists, KeyMissing
from maas.store import StoredObject

HEADER = b"timestamp,temperature,rain,snow,clouds,weather\n"
KEY = "inbox/traffic_flow/a.csv"
PATTERN_ROWS = 20_000
_LARGE = 100_000


def pattern() -> bytes:
    """Rows for traffic_flow, as a sensor would write them."""
    source = np.random.default_rng(0)
    kinds = ("Clear", "Clouds", "Rain", "Snow", "Mist")
    return "".join(
        f"2018-{1 + n % 12:02d}-{1 + n % 28:02d}T{n % 24:02d}:00:00,{source.normal(10, 8):.2f},"
        f"{source.random():.2f},0,{source.integers(0, 100)},{kinds[n % 5]}\n"
        for n in range(PATTERN_ROWS)
    ).encode()


class MemoryFiles(Files):
    """A bucket whose one inbox file is a pattern, repeated; what is written is weighed and thrown away."""

    def __init__(self, repeats: int) -> None:
        super().__init__("data", lambda: None)  # type: ignore[arg-type, return-value]
        self.pattern = pattern()
        self.size = len(HEADER) + repeats * len(self.pattern)
        self.small: dict[str, bytes] = {}
        self.large: dict[str, int] = {}
        self.metadata: dict[str, Mapping[str, str]] = {}
        self.written = 0
        self.serial = 0

    def read_range(self, _: str, __: str, start: int, end: int) -> bytes:
        """As in Files."""
        found = HEADER[start:end]
        at = max(0, start - len(HEADER)) % len(self.pattern)
        need = end - start - len(found)
        while need > 0:
            piece = self.pattern[at : at + need]
            found, need, at = found + piece, need - len(piece), 0
        return found

    def head(self, key: str) -> Head | None:
        """As in Files."""
        if key == KEY:
            return Head("etag", self.size, {})
        return Head("x", 0, self.metadata[key]) if key in self.metadata else None

    def read(self, key: str) -> StoredObject:
        """As in Files."""
        if key not in self.small:
            raise KeyMissing(key)
        return StoredObject(self.small[key] or bytes(self.large.get(key, 0)), "tag")

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, **_: Any) -> str:
        """As in Files."""
        if if_none_match and key in self.small:
            raise AlreadyExists(key)
        # Of what is large only the size is kept, so that this bucket does not count as the worker's memory.
        self.small[key] = body if len(body) < _LARGE else b""
        self.large[key] = len(body)
        return "tag"

    def write(self, key: str, body: bytes, *, metadata: Mapping[str, str], **_: Any) -> None:  # type: ignore[override]
        """As in Files."""
        self.metadata[key] = metadata
        if key.endswith(".report.json"):
            self.small[key] = body
        else:
            self.written += len(body)

    def begin(self, key: str, *, metadata: Mapping[str, str], content_type: str) -> str:  # noqa: ARG002 -- as in Files
        """As in Files."""
        self.metadata[f"{key} pending"] = metadata
        return "upload"

    def upload_part(self, _: str, upload: str, number: int, body: bytes) -> str:
        """As in Files."""
        self.written += len(body)
        return f"{upload}-{number}"

    def complete(self, key: str, *_: Any, **__: Any) -> None:  # type: ignore[override]
        """As in Files."""
        self.metadata[key] = self.metadata.pop(f"{key} pending")

    def remove(self, key: str) -> None:
        """As in Files."""
        self.small.pop(key, None)


class Pinned:
    """A registry that knows one version."""

    def __init__(self, digest: str) -> None:
        self.stable = digest

    def production(self, _: str) -> "Pinned":
        """The one."""
        return self


class Silent:
    """A queue on which nothing may arrive here but continuations."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message, *, delay: float = 0) -> None:  # noqa: ARG002 -- as in Queue
        """Keep a message."""
        self.sent.append(message)

    def bury(self, message: Message, reason: str) -> None:
        """There is nothing to bury."""
        raise AssertionError(f"{message}: {reason}")
