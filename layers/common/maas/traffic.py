"""Who answers a request: the version in production, or the canary for a share of the requests."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from maas.contract import Columns
from maas.emf import Track
from maas.errors import MaasError
from maas.pointer import Canary
from maas.serving import Segment, Served, untraced

_SHARES = 2**64


@dataclass(frozen=True, slots=True)
class Trial:
    """The canary as this process holds it: `served`, or why it could not be loaded."""

    canary: Canary
    served: Served | MaasError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version answered, in which role; and why the canary did not, where it was its turn."""

    served: Served
    columns: Columns
    track: Track = "stable"
    canary_fault: MaasError | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """The versions that answer requests which name none; `shadow` is the digest of one that may not."""

    stable: Served
    trial: Trial | None = None
    shadow: str | None = None

    def answer(
        self,
        columns: Columns,
        request_id: str,
        crashed: Callable[[Exception], MaasError],
        segment: Segment = untraced,
    ) -> Answer:
        """The canary's answer where the request falls to it and it has one, else stable's.

        Whatever the canary raises, stable is asked: its refusal is the caller's fault, its answer the proof
        that the canary failed. `crashed` turns what nobody foresaw into an error of ours, `segment` traces.

        Raises:
            InvalidRecord: A record is outside what the model can compute with.
        """
        if self.trial is None or not draws(self.stable.manifest.model, self.trial.canary, request_id):
            return Answer(self.stable, self.stable.predict(columns, segment))
        candidate = self.trial.served
        if isinstance(candidate, MaasError):
            return Answer(self.stable, self.stable.predict(columns, segment), canary_fault=candidate)
        try:
            return Answer(candidate, candidate.predict(columns, segment), "canary")
        except MaasError as error:
            fault = error
        except Exception as error:  # noqa: BLE001 -- the caller is to get an answer
            fault = crashed(error)
        return Answer(self.stable, self.stable.predict(columns, segment), canary_fault=fault)


def draws(model: str, canary: Canary, request_id: str) -> bool:
    """Whether a request falls to the canary.

    The same id always falls alike; while the weight only grows, who had the canary keeps it. Another canary
    divides the callers anew, so that nobody has to try every new version.
    """
    text = f"{model}/{canary.manifest}/{request_id}".encode()
    place = int.from_bytes(hashlib.sha256(text).digest()[:8])
    return place * 100 < canary.weight * _SHARES
