"""What a caller may ask of an explanation."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from maas.errors import FieldError, InvalidRequest, PayloadTooLarge
from maas.explain.budget import LONGEST, MOST_SAMPLES

MOST_ROWS = 32
"""Records explained in one call; each takes up to 50 ms (a picture 100)."""

type Method = Literal["auto", "sampling", "lime", "occlusion", "leave-one-out"]

METHODS: tuple[str, ...] = get_args(Method.__value__)
_LEAST_SAMPLES = 2
_TYPES = {"method": str, "target": str, "class": int, "samples": int}


@dataclass(frozen=True, slots=True)
class Options:
    """How to explain.

    Attributes:
        method: `auto` takes the exact one where there is one.
        target: The number to explain, a field of the prediction.
        column: The class to explain, of a model that tells classes apart.
        samples: Pairs of orders to take whatever they cost, so that the figures are the same on every
            machine; a surrogate takes eight records for each.
        samples_place: Where the request says so.
    """

    method: str = "auto"
    target: str | None = None
    column: int | None = None
    samples: int | None = None
    samples_place: str = field(default="/parameters/samples", compare=False)

    @classmethod
    def read(cls, parameters: Any, at: str = "/parameters", prefix: str = "") -> "Options":
        """Options from the parameters of a request, each called by its name with `prefix` before it.

        Raises:
            InvalidRequest: A parameter is unknown, or has no usable value.
        """
        if parameters is None:
            return cls()
        if not isinstance(parameters, dict):
            raise _refused(at, "parameters must be an object")
        found: dict[str, Any] = {}
        for name, value in parameters.items():
            place, bare = f"{at}/{name}"[:80], name.removeprefix(prefix)
            kind = _TYPES.get(bare) if name.startswith(prefix) else None
            if kind is None:
                raise _refused(place, f"unknown; known are {', '.join(prefix + one for one in _TYPES)}")
            if type(value) is not kind:
                raise _refused(place, f"must be {'text' if kind is str else 'a whole number'}")
            found[bare] = value
        method, samples = found.get("method", "auto"), found.get("samples")
        samples_place = f"{at}/{prefix}samples"
        if method not in METHODS:
            raise _refused(f"{at}/{prefix}method", f"must be one of {', '.join(METHODS)}")
        if samples is not None and not _LEAST_SAMPLES <= samples <= MOST_SAMPLES:
            raise _refused(samples_place, f"must be {_LEAST_SAMPLES} to {MOST_SAMPLES}")
        return cls(method, found.get("target"), found.get("class"), samples, samples_place)

    def limit(self, records: int) -> None:
        """Refuse what is too much for one request: samples are taken whatever they cost.

        Raises:
            PayloadTooLarge: There are more records than are explained at once, or too many samples for them.
        """
        if records > MOST_ROWS:
            raise _too_many("/instances", f"{records} records; at most {MOST_ROWS} are explained at once")
        if self.samples is not None and records * self.samples > MOST_SAMPLES:
            fitting = max(MOST_SAMPLES // records, _LEAST_SAMPLES)
            raise _too_many(
                self.samples_place,
                f"{self.samples} samples for each of {records} records; all of them together may take "
                f"{MOST_SAMPLES}, so ask for {fitting} at most",
            )

    def too_slow(self) -> PayloadTooLarge:
        """What to raise where the samples cannot be taken in time."""
        took = f"take longer than {LONGEST:.0f} seconds: ask for fewer"
        return _too_many(self.samples_place, f"{self.samples} samples for each of these records {took}")


def _too_many(place: str, detail: str) -> PayloadTooLarge:
    return PayloadTooLarge(f"{place}: {detail}.", errors=[FieldError(place, detail)])


def _refused(place: str, detail: str) -> InvalidRequest:
    return InvalidRequest(f"{place}: {detail}.", errors=[FieldError(place, detail)])
