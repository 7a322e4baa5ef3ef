"""What a release is on its way through the state machine, and how its canary is to grow."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maas.errors import InvalidRequest
from maas.manifest import VERSION_LENGTH, Digest, ModelName, model_folder
from maas.pointer import Pointer
from maas.rollout.trial import Tolerance

SIMULATED = "simulated"
_JOB_NAME_LENGTH = 128


class Release(BaseModel):
    """One release on its way.

    Attributes:
        model: The model's name.
        run: The execution's name; the training job leaves its result under it.
        data: What to train with: an `s3://` address, or `simulated`.
        seed: Of the training, as text: a job's parameters are texts.
        job: The name of the training job.
        version: The manifest's digest, once it is known.
        seq: The move of the production pointer that this release made or saw last.
        weight: The canary's share of the requests, in percent.
        since: When the canary's share became what it is.
        looks: How often the canary has been looked at since.
        pause: Seconds between two looks.
        reason: Why, for the history and for people.
        next: Where the state machine goes.
    """

    model_config = ConfigDict(extra="forbid")

    model: ModelName
    run: str
    data: str = SIMULATED
    seed: str = Field(default="0", pattern=r"^\d{1,9}$")
    job: str
    version: Digest | None = None
    seq: int = 0
    weight: int = 0
    since: datetime | None = None
    looks: int = 0
    pause: int
    reason: str = ""
    next: str = ""

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Read the document that travels through the state machine.

        Raises:
            InvalidRequest: It is none.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            places = ", ".join("/".join(map(str, fault["loc"])) or "document" for fault in error.errors()[:5])
            raise InvalidRequest(f"This is no release: {places}") from error

    @classmethod
    def begin(cls, given: dict[str, Any], run: str, pause: int) -> Self:
        """A new release: `given` is what the execution `run` was started with."""
        # Names of executions may have characters that names of jobs may not.
        job = re.sub(r"[^A-Za-z0-9_-]", "-", run)[:_JOB_NAME_LENGTH]
        return cls.parse({"reason": f"execution {run}", **given, "run": run, "job": job, "pause": pause})

    @property
    def digest(self) -> str:
        """The version.

        Raises:
            InvalidRequest: It is not known yet.
        """
        if self.version is None:
            raise InvalidRequest("The release has no version yet")
        return self.version

    @property
    def short(self) -> str:
        """The version's short name."""
        return self.digest[:VERSION_LENGTH]

    def to(self, following: str, **changes: Any) -> Self:
        """The release, on its way to the state `following`."""
        return self.model_copy(update={**changes, "next": following})

    def gone(self, pointer: Pointer | None) -> Self | None:
        """Where others have decided about the canary: the release, done or gone. None: it still runs."""
        if pointer is not None and pointer.stable == self.version:
            return self.to("done", seq=pointer.seq, weight=100)
        if pointer is None or pointer.canary is None or pointer.canary.manifest != self.version:
            why = "nothing is in production" if pointer is None else f"{pointer.actor}: {pointer.reason}"
            return self.to("gone", reason=why)
        return None


@dataclass(frozen=True)
class Plan:
    """How a canary grows.

    Attributes:
        weights: Its shares, one after the other, in percent; behind the last one it is promoted.
        pause: Seconds between two looks at it.
        looks: How often it is looked at, at most, with one share.
        tolerance: How it may differ from the version beside it.
    """

    weights: tuple[int, ...] = (10, 50)
    pause: int = 300
    looks: int = 24
    tolerance: Tolerance = field(default_factory=Tolerance)

    def after(self, weight: int) -> int | None:
        """The share that follows on one of `weight` percent; None: all."""
        return next((larger for larger in self.weights if larger > weight), None)


def receipt_key(model: str, run: str) -> str:
    """Where the training job of the execution `run` leaves what it has published."""
    return f"{model_folder(model)}runs/{run}.json"
