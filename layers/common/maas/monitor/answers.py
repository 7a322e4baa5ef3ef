"""The predictions whose truth was reported: found among the captures, however long ago they were made."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from maas.monitor.captures import MOST_OBJECTS, Row, daily, rows
from maas.store import ObjectStore


class Answers:
    """What one version answered to the requests whose outcomes are known.

    Args:
        version: A version's short name.
        wanted: Ids of predictions.

    Attributes:
        version: As above.
        found: Predictions of that version, by id.
        unmatched: Ids that no capture was found of, of any version.
    """

    def __init__(self, version: str, wanted: Iterable[str]) -> None:
        self.version = version
        self.found: dict[str, dict[str, Any]] = {}
        self.unmatched = set(wanted)

    def take(self, row: Row) -> None:
        """Keep a row's prediction if it is asked for."""
        if row.id in self.unmatched:
            self.unmatched.discard(row.id)
            if row.version == self.version:
                self.found[row.id] = row.prediction

    def search(self, store: ObjectStore, model: str, *, since: datetime, until: datetime) -> None:
        """Look for what is still unmatched in captures of earlier days, the newest first.

        A truth may take weeks to be known, and most predictions are not captured: so it ends with the last
        match, with the day of `since`, or after `MOST_OBJECTS` objects.

        Raises:
            MaasError: S3 does not answer, or refuses.
        """
        day, first, left = until.astimezone(UTC).date(), since.astimezone(UTC).date(), MOST_OBJECTS
        while day >= first and self.unmatched and left > 0:
            keys = daily(store, model, day)[:left]
            left -= len(keys)
            for row in rows(store, keys, ids=self.unmatched):
                if row is not None:
                    self.take(row)
            day -= timedelta(days=1)
