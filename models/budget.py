"""How far a new version may fall behind, and what it may cost, before the gate refuses it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """The limits of one recipe's gate (models/gate.py).

    Losses are shares of an error, such as 0.02 of a root mean squared error, or points of a score where
    greater is better, such as 0.005 of an accuracy. Where the held-out part is small, chance alone makes more
    of two equals: a recipe for such data allows more.

    Attributes:
        worse: What the score may lose against the version in production. By default 0.02 of an error, or
            0.005 points.
        slice_worse: What the score of one slice may lose, against the version in production or, where there
            is none, against the baseline. By default 0.2 of an error, or 0.05 points.
        least_rows: Fewer rows decide nothing, in a slice or of those that the version in production has not
            learnt.
        milliseconds: For one row, from its record to its prediction; the median.
        slower: The same time over that of the version in production; it counts above a millisecond only.
        megabytes: Of the artifact, 2**20 bytes each.
    """

    worse: float | None = None
    slice_worse: float | None = None
    least_rows: int = 50
    milliseconds: float = 10.0
    slower: float = 3.0
    megabytes: float = 64.0

    def loosened(self, score: float, *, greater_is_better: bool, part: bool = False) -> float:
        """The worst score that is still allowed beside `score`; `part` where both are of a slice."""
        named = self.slice_worse if part else self.worse
        share, points = (0.2, 0.05) if part else (0.02, 0.005)
        if greater_is_better:
            return score - (points if named is None else named)
        return score + (share if named is None else named) * abs(score)
