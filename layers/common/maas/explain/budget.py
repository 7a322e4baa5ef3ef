"""How much one explanation may compute."""

import math
import time
from collections.abc import Callable

SECONDS = 0.04
"""Of processor time, for one record of a table: what comes before and after makes it 50 ms at most."""

MOST_SAMPLES = 512
"""Pairs of orders, or eighths of a surrogate's records; also of all records of a request together.

Measured: a pair takes 2 ms of a whole processor for a table of 33 parts, 24 ms for a picture of 49 cells,
150 ms for a text of 5000 characters, and functions have 0.6 of a processor.
"""

LONGEST = 15.0
"""Seconds that all records of a request may take with `samples`: after 29 the gateway answers nobody."""


class TooSlow(Exception):
    """So many samples take longer than anybody waits for them."""


class Budget:
    """Seconds of processor time from now on, or a number of samples whatever they cost.

    Processor time, because on a shared processor the time on the wall says little about the work.

    Args:
        seconds: Processor time.
        samples: Taken whatever they cost, if given.
        clock: Processor time in seconds.
        wall: Time on the wall in seconds.

    Attributes:
        until: When all has to be done, on the wall. Samples are refused rather than left out.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        samples: int | None = None,
        *,
        clock: Callable[[], float] = time.process_time,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self.samples = samples
        self.until = math.inf
        self._wall, self._begun = wall, wall()
        self._clock = clock
        self._start = clock()
        self._seconds = seconds

    def spent(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def left(self) -> float:
        """Seconds left."""
        return self._seconds - self.spent()

    def allow(self, more: int, taken: int) -> None:
        """Go on with `more` samples, if they will be done in time, judged by those that were taken.

        Raises:
            TooSlow: They will not.
        """
        now = self._wall()
        if more and now + (now - self._begun) * more / taken > self.until:
            raise TooSlow
