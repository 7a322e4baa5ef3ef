"""What the gate of training found: whether a version may be released, and the figures behind it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maas.artifact import DIGEST_PATTERN

Sense = Literal["at most", "at least"]


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
    def reason(self) -> str:
        """The objections in one line; empty where there are none."""
        return "; ".join(map(_objection, self.objections))


def _objection(check: Check) -> str:
    figures = "" if check.value is None or check.limit is None else _figures(check)
    return ": ".join(part for part in (check.name, figures or check.note) if part)


def _figures(check: Check) -> str:
    return f"{check.value:.4g}, allowed is {check.sense} {check.limit:.4g}"
