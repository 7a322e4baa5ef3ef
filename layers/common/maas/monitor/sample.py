"""Few of many items, evenly spaced, without ever holding the many."""

from collections.abc import Iterable, Iterator

import numpy as np


class Sample[T]:
    """Takes any number of items and gives back `most` of them at most, evenly spaced and in order.

    Never more than twice as many are held: then every other one is dropped, of those that come too.

    >>> list(Sample(3, range(9)))
    [0, 4, 8]
    """

    def __init__(self, most: int, items: Iterable[T] = ()) -> None:
        self._most = most
        self._stride = 1
        self._seen = 0
        self._held: list[T] = []
        for item in items:
            self.add(item)

    def add(self, item: T) -> None:
        """Take one more."""
        if self._seen % self._stride == 0:
            self._held.append(item)
            if len(self._held) > 2 * self._most:
                self._held = self._held[::2]
                self._stride *= 2
        self._seen += 1

    @property
    def held(self) -> int:
        """How many are in memory."""
        return len(self._held)

    def __len__(self) -> int:
        return min(self._most, len(self._held))

    def __iter__(self) -> Iterator[T]:
        if len(self._held) <= self._most:
            yield from self._held
            return
        for place in np.linspace(0, len(self._held) - 1, self._most).astype(int):
            yield self._held[place]
