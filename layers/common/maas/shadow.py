"""A shadow: a version that computes what others answered, once the caller has gone, to be compared."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maas.contract import Columns
from maas.errors import MaasError, reason_of
from maas.manifest import VERSION_LENGTH
from maas.serving import Served
from maas.traffic import Answer

if TYPE_CHECKING:
    from maas.telemetry import Telemetry

_RETRY_SECONDS = 60.0


class Comparison(NamedTuple):
    """How two versions' answers to the same n records differ.

    Attributes:
        agreement: Share of the records whose answers are the same: equal, or numbers within the tolerance.
        disagreement: 0 for the same answers, 1 for answers that have nothing in common; the mean over all
            records and fields of |a - b| / (|a| + |b|) for numbers (the Canberra distance), else of a != b.
        largest_difference: Of two numbers that answer the same, in their own unit.
    """

    agreement: float
    disagreement: float
    largest_difference: float


def compare(given: Columns, shadow: Columns, tolerance: float) -> Comparison:
    """Compare two answers, columns of n rows each with the same fields; `tolerance` is absolute."""
    same = np.ones(len(next(iter(given.values()))), dtype=bool)
    distances, largest = [], 0.0
    for name, column in given.items():
        a, b = column.reshape(len(same), -1), shadow[name].reshape(len(same), -1)
        if a.dtype.kind == "f":
            difference, scale = np.abs(a - b), np.abs(a) + np.abs(b)
            distance = np.divide(difference, scale, out=np.zeros_like(difference), where=scale > 0)
            largest = max(largest, float(difference.max()))
            same &= (difference <= tolerance).all(axis=1)
        else:
            distance = np.asarray(a != b, dtype=float)
            same &= ~distance.any(axis=1)
        distances.append(float(distance.mean()))
    return Comparison(float(same.mean()), float(np.mean(distances)), largest)


class Shadow:
    """Holds one version and reports how its answers compare; for one thread.

    Args:
        load: Loads a version by its digest.
        telemetry: Is told each comparison, and each failure.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        load: Callable[[str], Served],
        telemetry: "Telemetry",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._telemetry = telemetry
        self._clock = clock
        self._served: Served | None = None
        self._refused: tuple[str, MaasError, float] | None = None  # digest, why, until when

    def follow(self, digest: str, answer: Answer, columns: Columns, request_id: str) -> None:
        """Compute what the version `digest` answers to `columns`, and report how far it is from `answer`."""
        started, version = self._clock(), digest[:VERSION_LENGTH]
        against: dict[str, Any] = {"against": answer.served.version, "request_id": request_id}
        try:
            served = self._held(digest)
            started = self._clock()
            found = compare(answer.columns, served.predict(columns), served.manifest.golden.tolerance)
        except Exception as error:  # noqa: BLE001 -- a shadow may crash in every way: that is found out here
            code = error.code if isinstance(error, MaasError) else "crashed"
            reason = reason_of(error)
            self._telemetry.shadowed(
                self._clock() - started, version=version, failed=True, code=code, reason=reason, **against
            )
            return
        self._telemetry.shadowed(
            self._clock() - started,
            version=version,
            failed=False,
            disagreement=found.disagreement,
            differed=found.agreement < 1,
            agreement=found.agreement,
            largest_difference=found.largest_difference,
            rows=len(next(iter(columns.values()))),
            **against,
        )

    def end(self) -> None:
        """Let go of the version."""
        self._served = None

    def _held(self, digest: str) -> Served:
        if self._served is not None and self._served.manifest.digest == digest:
            return self._served
        if self._refused is not None:
            refused, why, until = self._refused
            if refused == digest and self._clock() < until:
                raise why.with_traceback(None)
        self._served = None  # first, so that never two of them lie in memory
        try:
            self._served = self._load(digest)
        except MaasError as error:
            self._refused = (digest, error, self._clock() + _RETRY_SECONDS)
            raise
        return self._served
