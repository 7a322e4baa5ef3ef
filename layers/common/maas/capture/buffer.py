"""Lines on their way to S3: a few seconds' worth become one object, however many requests they came from."""

import gzip
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from maas.errors import MaasError
from maas.store import ObjectStore

_FLUSH_LINES = 500
_FLUSH_SECONDS = 20.0
# While S3 is away lines wait, up to so many; then the oldest go.
_MOST_LINES = 5_000
_PAUSE_SECONDS = 60.0
CONTENT_TYPE = "application/x-ndjson+gzip"


class Buffer:
    """Collects lines and writes them; for one thread.

    The first line after a quiet while is written at once, because a function without traffic may be ended
    before it is called again; while there is traffic, one object is written every 20 seconds.

    Args:
        folder: The prefix of the keys, `captures/<model>/`.
        store: Makes the store at first use.
        lost: Told how many lines were given up.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        folder: str,
        store: Callable[[], ObjectStore],
        *,
        lost: Callable[[int], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._make = store
        self._store: ObjectStore | None = None
        self._lost = lost
        self._clock = clock
        self._lines: list[tuple[datetime, bytes]] = []
        self._written_at = float("-inf")
        self._not_before = float("-inf")

    def add(self, moment: datetime, lines: Iterable[bytes]) -> None:
        """Take lines of one moment.

        Raises:
            MaasError: They had to be written, and could not be; they wait for the next time.
        """
        self._lines += [(moment, line) for line in lines]
        if len(self._lines) > _MOST_LINES:
            self._lost(len(self._lines) - _MOST_LINES)
            del self._lines[:-_MOST_LINES]
        now = self._clock()
        due = len(self._lines) >= _FLUSH_LINES or now - self._written_at >= _FLUSH_SECONDS
        if due and now >= self._not_before:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits."""
        self._written_at = self._clock()
        by_hour: dict[str, list[tuple[datetime, bytes]]] = {}
        for moment, line in self._lines:
            by_hour.setdefault(f"{moment:date=%Y-%m-%d/hour=%H}", []).append((moment, line))
        try:
            for hour in list(by_hour):
                self._write(hour, by_hour[hour])
                del by_hour[hour]
        except MaasError:
            # S3 is slow to fail, and Lambda lets no request in while it does.
            self._not_before = self._clock() + _PAUSE_SECONDS
            raise
        finally:
            self._lines = [line for waiting in by_hour.values() for line in waiting]

    def _write(self, hour: str, waiting: Sequence[tuple[datetime, bytes]]) -> None:
        if self._store is None:
            self._store = self._make()
        name = f"{waiting[0][0]:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}.jsonl.gz"
        body = gzip.compress(b"\n".join(line for _, line in waiting) + b"\n", 6, mtime=0)
        self._store.put(f"{self._folder}{hour}/{name}", body, content_type=CONTENT_TYPE)

    def renew(self) -> None:
        """Forget the client, which does not survive a snapshot."""
        self._store = None
        self._written_at = self._not_before = float("-inf")
