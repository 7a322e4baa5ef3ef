"""How much one explanation may compute."""

import time
from collections.abc import Callable

SECONDS = 0.04
"""Of processor time, for one record of a table: what comes before and after makes it 50 ms at most."""

MOST_SAMPLES = 512
"""Pairs of orders, or eighths of a surrogate's records."""


class Budget:
    """Seconds of processor time from now on, or a number of samples whatever they cost.

    Processor time, because on a shared processor the time on the wall says little about the work.

    Args:
        seconds: Processor time.
        samples: Taken whatever they cost, if given.
        clock: Processor time in seconds.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        samples: int | None = None,
        *,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        self.samples = samples
        self._clock = clock
        self._start = clock()
        self._seconds = seconds

    def spent(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def left(self) -> float:
        """Seconds left."""
        return self._seconds - self.spent()
