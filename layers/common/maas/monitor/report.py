"""What the monitor found about one model: figures, limits and verdicts, ready for JSON."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from maas.monitor.score import Score

State = Literal["quiet", "drifted", "too few"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(_Part):
    """One figure beside its limit; `is_share` where it cannot be more than 1."""

    value: float
    limit: float
    is_share: bool = False

    def __str__(self) -> str:
        limit = "-" if self.is_share and self.limit >= 1 else f"{self.limit:.2f}"
        return f"{self.value:.2f} / {limit}"

    @property
    def ratio(self) -> float:
        """1 at the limit, more beyond it; 2 and more for a share that cannot be larger, 0 without a limit."""
        if self.is_share and self.limit >= 1:
            return 0.0
        ratio = self.value / self.limit
        if self.is_share and self.limit < self.value:
            # A limit of 0.9 cannot be passed by far, but it can be passed all the way.
            return max(ratio, 1 + (self.value - self.limit) / (1 - self.limit))
        return ratio


class Finding(_Part):
    """One signal in one window.

    `p_value` is that of the Kolmogorov-Smirnov distance for as many independent rows; rows of one day are not
    independent, so it is for information, and the limits decide.
    """

    signal: str
    psi: Measure
    ks: Measure
    outside: Measure
    repeated: Measure
    p_value: float
    expected: tuple[float, ...]
    observed: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Of the figure that is farthest beyond its limit."""
        return max(one.ratio for one in (self.psi, self.ks, self.outside, self.repeated))

    @property
    def drifted(self) -> bool:
        """Whether a figure is beyond its limit."""
        return self.ratio > 1

    @property
    def reasons(self) -> list[str]:
        """Which figures are beyond their limits."""
        return [
            text
            for text, one in (
                ("distribution", self.psi),
                ("shift", self.ks),
                ("out of range", self.outside),
                ("stuck", self.repeated),
            )
            if one.ratio > 1
        ]


class Missing(_Part):
    """The share of records that leave a field out."""

    field: str
    share: Measure


class Comparison(_Part):
    """One window against the training data."""

    begin: datetime
    end: datetime
    hours: float
    rows: int
    limits: str
    inputs: tuple[Finding, ...] = ()
    outputs: tuple[Finding, ...] = ()
    missing: tuple[Missing, ...] = ()
    unwatched: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """The verdict."""
        if not self.inputs and not self.outputs:
            return "too few"
        return "drifted" if max(self.drift, self.prediction_drift, self.missing_values) > 1 else "quiet"

    @property
    def drift(self) -> float:
        """The largest ratio of any input."""
        return max((finding.ratio for finding in self.inputs), default=0.0)

    @property
    def prediction_drift(self) -> float:
        """The largest ratio of any output."""
        return max((finding.ratio for finding in self.outputs), default=0.0)

    @property
    def missing_values(self) -> float:
        """The largest ratio of any field's missing values."""
        return max((missing.share.ratio for missing in self.missing), default=0.0)

    @property
    def drifting(self) -> list[Finding]:
        """What is beyond its limit, the farthest first."""
        found = [finding for finding in (*self.outputs, *self.inputs) if finding.drifted]
        return sorted(found, key=lambda finding: -finding.ratio)


class LiveScore(_Part):
    """One live metric beside training's; `maas.monitor.score.Score` as JSON."""

    name: str
    value: float
    low: float
    high: float
    trained: float | None
    limit: float | None
    rows: int
    ratio: float

    @classmethod
    def of(cls, score: Score) -> Self:
        """The same figures."""
        return cls(**score._asdict(), ratio=round(score.ratio, 4))


class Report(_Part):
    """Everything about one model and version at one time.

    `outcomes` are those of predictions that were captured, `unmatched` those of which no capture was found.
    """

    model: str
    version: str
    created: datetime
    comparisons: tuple[Comparison, ...]
    scores: tuple[LiveScore, ...] = ()
    outcomes: int = 0
    unmatched: int = 0
    broken_lines: int = 0
    other_versions: int = 0
    retraining: str | None = None

    @property
    def truth(self) -> str:
        """How many outcomes there are, in words."""
        unmatched = f", and {self.unmatched} of predictions that were not captured" if self.unmatched else ""
        return f"{self.outcomes} outcomes{unmatched}"

    @property
    def drift(self) -> float:
        """The largest ratio of any input or missing value in any window."""
        return max((max(one.drift, one.missing_values) for one in self.comparisons), default=0.0)

    @property
    def prediction_drift(self) -> float:
        """The largest ratio of any output in any window."""
        return max((one.prediction_drift for one in self.comparisons), default=0.0)

    @property
    def degradation(self) -> float:
        """The largest ratio of any live metric."""
        return max((score.ratio for score in self.scores), default=0.0)

    @property
    def reason(self) -> str | None:
        """Why the model should be looked at, in one line; None where all is quiet."""
        parts = []
        for comparison in self.comparisons:
            names = [f"{one.signal} ({', '.join(one.reasons)})" for one in comparison.drifting[:3]]
            names += [f"{one.field} missing" for one in comparison.missing if one.share.ratio > 1]
            if names:
                parts.append(f"{comparison.hours:g} h: {', '.join(names)}")
        worse = [
            f"{score.name} {score.value:.4g}, in training {score.trained:.4g}"
            for score in self.scores
            if score.ratio > 1
        ]
        return "; ".join([*parts, *worse]) or None
