"""Captured requests of some hours, read back as columns."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from maas.errors import BrokenArtifact, KeyMissing
from maas.store import ObjectStore

MOST_ROWS = 20_000
"""Read of one window; more would change no figure that matters."""
_MOST_OBJECTS = 2_000
_MOST_BYTES = 64 * 1024 * 1024  # of one object, unpacked


@dataclass(frozen=True, eq=False)
class Window:
    """The requests that one version answered between two moments.

    Attributes:
        begin: The first moment, in UTC.
        end: The first moment after it.
        times: Of the requests, shape (n,).
        ids: Of the predictions, shape (n,).
        signals: Shape (n, s); NaN where a signal is not kept.
        predictions: What was answered.
        instances: What was asked, without what is masked.
        milliseconds: What the answers took, shape (n,).
        other_versions: Rows left out because another version answered.
        broken: Lines that could not be read.
    """

    begin: datetime
    end: datetime
    times: tuple[datetime, ...] = ()
    ids: tuple[str, ...] = ()
    signals: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    predictions: tuple[dict[str, Any], ...] = ()
    instances: tuple[dict[str, Any], ...] = ()
    milliseconds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    other_versions: int = 0
    broken: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def hours(self) -> float:
        """Its length."""
        return (self.end - self.begin) / timedelta(hours=1)

    def last(self, hours: float) -> "Window":
        """The part of it that is its last hours."""
        begin = self.end - timedelta(hours=hours)
        kept = np.flatnonzero([time >= begin for time in self.times])
        return replace(
            self,
            begin=begin,
            times=tuple(self.times[row] for row in kept),
            ids=tuple(self.ids[row] for row in kept),
            signals=self.signals[kept],
            predictions=tuple(self.predictions[row] for row in kept),
            instances=tuple(self.instances[row] for row in kept),
            milliseconds=self.milliseconds[kept],
        )


def read_window(
    store: ObjectStore, model: str, *, version: str, signals: int, begin: datetime, end: datetime
) -> Window:
    """Read what was captured of `version`, a version's short name, evenly thinned where it is much.

    Raises:
        MaasError: S3 does not answer, or refuses.
    """
    keys = list(_keys(store, model, begin, end))
    rows: list[dict[str, Any]] = []
    others = broken = 0
    for key in _spread(keys, _MOST_OBJECTS):
        try:
            body = store.read(key).body
        except KeyMissing:  # its time was up, or a subject was forgotten
            continue
        for line in unpacked_lines(body, key):
            try:
                row = orjson.loads(line)
                moment = datetime.fromisoformat(row["time"])
                usable = len(row["signals"]) == signals
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                broken += 1
                continue
            if not begin <= moment < end:
                continue
            if row["version"] != version or not usable:
                others += 1
                continue
            rows.append(row)
    rows = _spread(rows, MOST_ROWS)
    return Window(
        begin,
        end,
        tuple(datetime.fromisoformat(row["time"]) for row in rows),
        tuple(row["id"] for row in rows),
        np.array([row["signals"] for row in rows], dtype=np.float64).reshape(len(rows), signals),
        tuple(row["prediction"] for row in rows),
        tuple(row["instance"] for row in rows),
        np.array([row["milliseconds"] for row in rows], dtype=np.float64),
        others,
        broken,
    )


def unpacked_lines(body: bytes, key: str) -> list[bytes]:
    """The lines of an object, packed with gzip or not.

    Raises:
        BrokenArtifact: It is damaged, or far larger than anything that is written here.
    """
    if body[:2] == b"\x1f\x8b":
        stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            body = stream.decompress(body, _MOST_BYTES)
        except zlib.error as error:
            raise BrokenArtifact(f"{key} is no gzip file: {error}") from error
        if not stream.eof:
            raise BrokenArtifact(f"{key} is cut short, or larger than {_MOST_BYTES} bytes unpacked")
    return body.splitlines()


def _keys(store: ObjectStore, model: str, begin: datetime, end: datetime) -> Iterator[str]:
    hour = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield from store.list(f"captures/{model}/{hour:date=%Y-%m-%d/hour=%H}/")
        hour += timedelta(hours=1)


def _spread[T](items: Sequence[T], most: int) -> list[T]:
    """All items, or `most` of them, evenly spaced."""
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, most).astype(int)]
