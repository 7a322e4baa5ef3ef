"""Which truth belongs to a prediction: what callers may report later, and how it is checked.

A prediction's fields say so by `json_schema_extra`: `"outcome": True` marks a field whose true value may be
reported (by default the first field), `"probability_of"` a probability, of a value of the outcome (True,
"positive") or of the answer being right ("answer"). The truth of a probability is yes or no.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, get_args, get_origin

import annotated_types as at

from maas.contract import Contract
from maas.errors import FieldError
from maas.field import Field, flatten
from maas.monitoring import Outcome

OF_ANSWER = "answer"


def extra(field: Field, key: str) -> Any:
    """What a field declares under `key` in its `json_schema_extra`."""
    declared = field.info.json_schema_extra
    return declared.get(key) if isinstance(declared, dict) else None


def outcomes_of(contract: Contract[Any, Any]) -> tuple[Outcome, ...]:
    """What callers may report about this model's predictions; empty where there is nothing."""
    scalars = [field for field in contract.answers.values() if not field.shape and field.kind != "time"]
    marked = [field for field in scalars if extra(field, "outcome")] or scalars[:1]
    return tuple(_outcome(field, scalars) for field in marked)


def _outcome(field: Field, scalars: list[Field]) -> Outcome:
    about = extra(field, "probability_of")
    if about is not None or field.kind == "bool":
        probability = field.name if about is not None else _probability(scalars, True)
        return Outcome(field=field.name, kind="yes_no", probability=probability, positive=True)
    low, high = _bounds(field)
    if field.kind == "float":
        return Outcome(field=field.name, kind="number", low=low, high=high)
    values = choices(field)
    positive = next((value for value in values if _probability(scalars, value)), None)
    probability = _probability(scalars, positive or OF_ANSWER)
    return Outcome(
        field=field.name,
        kind="class",
        values=values,
        low=low,
        high=high,
        probability=probability,
        positive=positive,
    )


def _probability(scalars: list[Field], of: bool | str) -> str | None:  # noqa: FBT001 -- a value of the outcome
    return next((field.name for field in scalars if extra(field, "probability_of") == of), None)


def choices(field: Field) -> tuple[str, ...]:
    """The texts that a field can have; empty where they are not listed."""
    for part in (field.element, *get_args(field.element)):
        for inner in (part, *get_args(part)):
            if get_origin(inner) is Literal:
                return get_args(inner)
    return ()


def _bounds(field: Field) -> tuple[float | None, float | None]:
    low: float | None = None
    high: float | None = None
    limits = flatten(get_args(field.element)[1:]) if field.kind in {"int", "float"} else ()
    for limit in limits:
        match limit:
            case at.Ge(bound):
                low = float(bound)  # type: ignore[arg-type]
            case at.Le(bound):
                high = float(bound)  # type: ignore[arg-type]
            case at.Lt(bound) if field.kind == "int":
                high = float(bound) - 1  # type: ignore[arg-type]
    return low, high


class Truth:
    """Checks reported outcomes."""

    def __init__(self, outcomes: tuple[Outcome, ...]) -> None:
        self.outcomes = outcomes

    @cached_property
    def _by_field(self) -> Mapping[str, Outcome]:
        return {outcome.field: outcome for outcome in self.outcomes}

    def read(self, value: Any, place: str) -> tuple[dict[str, Any], list[FieldError]]:
        """The outcome by field, and what is wrong with it: an object, or the bare value of the only field."""
        if not isinstance(value, dict):
            if len(self.outcomes) != 1:
                names = ", ".join(self._by_field)
                return {}, [FieldError(place, f"an object with some of the fields {names} is needed")]
            value = {self.outcomes[0].field: value}
        if not value:
            return {}, [FieldError(place, "at least one field is needed")]
        faults = [
            FieldError(f"{place}/{str(name)[:80]}", fault)
            for name, one in value.items()
            if (fault := self._fault(name, one))
        ]
        return value, faults

    def _fault(self, name: Any, value: Any) -> str | None:
        outcome = self._by_field.get(name)
        if outcome is None:
            return f"no such outcome; this model's are {', '.join(self._by_field)}"
        return fault_of(outcome, value)


def fault_of(outcome: Outcome, value: Any) -> str | None:
    """Why a value cannot be this outcome, or None."""
    if outcome.kind == "yes_no":
        return None if isinstance(value, bool) else "Input should be true or false"
    if outcome.kind == "class" and outcome.low is None:
        if not isinstance(value, str) or (outcome.values and value not in outcome.values):
            return f"Input should be {', '.join(outcome.values) or 'text'}"
        return None
    wanted = (int,) if outcome.kind == "class" else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted) or not math.isfinite(value):
        return (
            "Input should be a whole number" if outcome.kind == "class" else "Input should be a finite number"
        )
    if (outcome.low is not None and value < outcome.low) or (
        outcome.high is not None and value > outcome.high
    ):
        return f"Input should be between {outcome.low} and {outcome.high}"
    return None
