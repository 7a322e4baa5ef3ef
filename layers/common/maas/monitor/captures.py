"""Captured requests in S3: where they lie, and their rows, read by several threads and in order."""

import re
import zlib
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from typing import Any, NamedTuple

import orjson

from maas.errors import BrokenArtifact, KeyMissing
from maas.store import ObjectStore

MOST_OBJECTS = 2_000
"""Read at one go; more would take minutes and change no figure that matters."""
_MOST_BYTES = 64 * 1024 * 1024  # of one object, unpacked
_THREADS = 8  # a client of S3 has ten connections
_AHEAD = 4 * _THREADS  # objects that may wait in memory
_ID = re.compile(rb'{"id":"([!#-\[\]-~]+)"')  # as the sampler writes it, with nothing to unescape


class Row(NamedTuple):
    """One captured prediction."""

    id: str
    version: str
    time: datetime
    milliseconds: float
    signals: list[float | None]
    instance: dict[str, Any]
    prediction: dict[str, Any]


def hourly(store: ObjectStore, model: str, begin: datetime, end: datetime) -> Iterator[str]:
    """The keys of the objects that may hold captures between two moments, the oldest first."""
    hour = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield from store.list(f"captures/{model}/{hour:date=%Y-%m-%d/hour=%H}/")
        hour += timedelta(hours=1)


def daily(store: ObjectStore, model: str, day: date) -> list[str]:
    """The keys of one day's objects, the newest first."""
    return sorted(store.list(f"captures/{model}/{day:date=%Y-%m-%d}/"), reverse=True)


def rows(
    store: ObjectStore, keys: Iterable[str], *, ids: Container[str] | None = None
) -> Iterator[Row | None]:
    """The rows of these objects, in order; None for what cannot be read.

    Where `ids` are given, rows of others may be left out: parsing them would take most of the time.

    Raises:
        MaasError: S3 does not answer, or refuses.
    """
    for key, body in bodies(store, keys):
        try:
            lines = unpacked_lines(body, key)
        except BrokenArtifact:
            yield None
            continue
        for line in lines:
            if ids is None or not _is_of_another(line, ids):
                yield _row(line)


def bodies(store: ObjectStore, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """These objects, in order, as they lie there; those that are gone by now are left out.

    Raises:
        MaasError: S3 does not answer, or refuses.
    """

    def read(key: str) -> bytes | None:
        try:
            return store.read(key).body
        except KeyMissing:  # its time was up, or a subject was forgotten
            return None

    with ThreadPoolExecutor(_THREADS) as pool:
        for some in batched(keys, _AHEAD, strict=False):
            for key, body in zip(some, pool.map(read, some), strict=True):
                if body is not None:
                    yield key, body


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


def _is_of_another(line: bytes, ids: Container[str]) -> bool:
    found = _ID.match(line)
    return found is not None and found[1].decode() not in ids


def _row(line: bytes) -> Row | None:
    try:
        found = orjson.loads(line)
        row = Row(**{name: found[name] for name in Row._fields})
        moment = datetime.fromisoformat(found["time"])
        readable = moment.tzinfo is not None and isinstance(row.id, str) and isinstance(row.signals, list)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    return row._replace(time=moment) if readable else None
