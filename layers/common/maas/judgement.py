"""What the gate of training found: whether a version may be released, and the figures behind it.

Who releases does not believe the word `passed`: `Check.holds` says again, from the figures, what they allow.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maas.artifact import DIGEST_PATTERN

Sense = Literal["at most", "at least"]

# The checks that every decision has. The first two come after the name of a score.
BASELINE, PRODUCTION = " against the baseline", " against production"
PARITY, GOLDEN = "export against the fitted model", "golden samples"
SIZE, LATENCY = "megabytes of the artifact", "milliseconds for one row"
# Only beside a version in production, and below so many milliseconds nobody notices.
SLOWER, UNNOTICED_MILLISECONDS = "time for one row over production's", 1.0


def megabytes(count: int) -> float:
    """So many bytes in the figures of `SIZE`: rounded, as it is these that are seen and compared."""
    return round(count / (1 << 20), 4)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Check(_Part):
    """One condition: `value` has to be `sense` `limit`.

    Where there is nothing to compare, as without a version in production, value and limit are None, the check
    counts as passed, and the note says why.
    """

    name: str = Field(min_length=1)
    value: float | None = None
    limit: float | None = None
    sense: Sense = "at most"
    passed: bool
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figures are within the limit; a version has to beat its baseline, not only reach it."""
        if self.value is None or self.limit is None:
            return self.passed
        if self.value == self.limit:
            return not self._is_to_be_beaten
        return (self.value > self.limit) == (self.sense == "at least")

    @property
    def _is_to_be_beaten(self) -> bool:
        score = self.name.removesuffix(BASELINE)
        return score != self.name and " " not in score  # words before it: the check of a slice


class Gate(_Part):
    """The decision about a version, made once, at the end of its training.

    `production` is the digest of the version in production that it was compared with, None where nothing was.
    """

    decision: Literal["pass", "refuse"]
    production: Annotated[str, Field(pattern=DIGEST_PATTERN)] | None = None
    checks: tuple[Check, ...]

    @model_validator(mode="after")
    def _follows_from_checks(self) -> Self:
        if (self.decision == "pass") != all(check.passed for check in self.checks):
            raise ValueError("the decision is to pass where every check passed, and only there")
        return self

    @classmethod
    def of(cls, checks: tuple[Check, ...], production: str | None) -> Self:
        """The decision that follows from `checks`."""
        passed = all(check.passed for check in checks)
        return cls(decision="pass" if passed else "refuse", production=production, checks=checks)

    @property
    def objections(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def contradictions(self) -> tuple[Check, ...]:
        """The checks that count as passed against their own figures."""
        quick = any(
            check.name == LATENCY and check.value is not None and check.value <= UNNOTICED_MILLISECONDS
            for check in self.checks
        )
        return tuple(
            check
            for check in self.checks
            if check.passed and not check.holds and not (quick and check.name == SLOWER)
        )

    def check(self, name: str) -> Check | None:
        """The check of that name, None where there is none."""
        return next((check for check in self.checks if check.name == name), None)

    @property
    def reason(self) -> str:
        """The objections in one line; empty where there are none."""
        return "; ".join(map(objection, self.objections))


def objection(check: Check) -> str:
    """A check that speaks against a version, in a few words."""
    figures = "" if check.value is None or check.limit is None else _figures(check)
    return ": ".join(part for part in (check.name, figures or check.note) if part)


def _figures(check: Check) -> str:
    return f"{check.value:.4g}, allowed is {check.sense} {check.limit:.4g}"
