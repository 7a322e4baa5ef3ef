"""What a version's manifest tells the monitor, beside the histograms: the training data as it varied.

A week of weather never looks like five years of it. So training measures how far its own stretches of a day
or a week are from the whole, and a window in service is held to what those stretches reached.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NonNegative = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Histogram(_Part):
    """Like `maas.manifest.Distribution`, of a signal that is not among the manifest's distributions."""

    edges: tuple[float, ...]
    fractions: tuple[NonNegative, ...]


class Quiet(_Part):
    """How far the quiet stretches of the training data were from the whole: limits, one per signal.

    Attributes:
        hours: Length of a stretch.
        stretches: How many were measured.
        rows: Rows in a typical one.
        psi: Of the population stability index.
        ks: Of the Kolmogorov-Smirnov distance.
        outside: Of the share of rows beyond the range of training.
        repeated: Of the share of the most frequent value.
    """

    hours: int = Field(gt=0)
    stretches: int = Field(gt=0)
    rows: int = Field(gt=0)
    psi: tuple[NonNegative, ...]
    ks: tuple[NonNegative, ...]
    outside: tuple[NonNegative, ...]
    repeated: tuple[NonNegative, ...]


class Outcome(_Part):
    """A field of the prediction whose truth callers may report.

    Attributes:
        field: Its name.
        kind: What the truth is.
        values: The classes, where they are texts.
        low: The least number allowed, or the first class that is a number.
        high: The greatest, or the last.
        probability: The field with the probability of `positive`, or of the answer where that is None.
        positive: What `probability` is about.
    """

    field: str
    kind: Literal["number", "yes_no", "class"]
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    probability: str | None = None
    positive: bool | str | None = None


class Monitoring(_Part):
    """What is watched, and what it was like in training.

    Attributes:
        rows: Rows of training data.
        signals: The names of what is watched: features or summaries of them, then predictions.
        histograms: Of those signals that the manifest's distributions lack, or have with edges closer to each
            other than arithmetic can tell apart.
        low: The least value of each signal.
        high: The greatest.
        repeated: The share of each signal's most frequent value.
        missing: The share of records that leave a field out, by field; and the largest such share in any of
            the longest stretches.
        quiet: By the length of the stretch, ascending; empty where rows have no times.
        outcomes: What callers may report.
        worst: The worst of each of the manifest's metrics in any quiet week of the held-out data.
    """

    rows: int = Field(gt=0)
    signals: tuple[str, ...]
    histograms: dict[str, Histogram] = {}
    low: tuple[float, ...]
    high: tuple[float, ...]
    repeated: tuple[NonNegative, ...]
    missing: dict[str, tuple[NonNegative, NonNegative]] = {}
    quiet: tuple[Quiet, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    worst: dict[str, float] = {}

    @model_validator(mode="after")
    def _is_aligned(self) -> Self:
        columns = [self.low, self.high, self.repeated]
        columns += [part for q in self.quiet for part in (q.psi, q.ks, q.outside, q.repeated)]
        if any(len(column) != len(self.signals) for column in columns):
            raise ValueError("every signal needs its figures")
        return self
