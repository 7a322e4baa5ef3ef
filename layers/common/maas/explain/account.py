"""One explanation, as it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maas.explain.game import Values
from maas.explain.parts import Part
from maas.explain.target import Target
from maas.rounding import rounded


@dataclass(frozen=True, slots=True)
class Account:
    """Where one number of one answer comes from.

    Attributes:
        method: How it was found.
        exact: Whether contributions are free of sampling error and sum to `value - base_value` by right.
        target: The number.
        base_value: The number without any contribution: the background's mean, or the empty text's.
        value: The number, not rounded, on `scale`.
        content: `attributions`, `map` or `tokens`.
        scale: `answer`, or what the answer is made of by a link: `log-odds`, `logarithm`.
        background: How many background records stand for what is left out.
        evaluations: Records that the model computed for it.
        fit: Of a surrogate: the share of the variance around the record that it explains.
    """

    method: str
    exact: bool
    target: Target
    base_value: float
    value: float
    content: dict[str, Any]
    scale: str = "answer"
    background: int | None = None
    evaluations: int = 0
    fit: float | None = None

    def document(self, digits: int = 0) -> dict[str, Any]:
        """Ready for JSON; fractions with at most `digits` digits, or 0 for all there are."""
        found: dict[str, Any] = {"method": self.method, "exact": self.exact, "target": self.target.field}
        if self.target.column is not None:
            found["class"] = self.target.column
        found |= {"scale": self.scale, "base_value": self.base_value, "value": self.value, **self.content}
        found |= {
            name: number
            for name, number in (("background", self.background), ("fit", self.fit))
            if number is not None
        }
        found["evaluations"] = self.evaluations
        return found if not digits else _shortened(found, digits)


def attributions(parts: Sequence[Part], contributions: Values, errors: Values) -> dict[str, Any]:
    """Contributions by part of the record, the largest first."""
    order = np.argsort(-np.abs(contributions), kind="stable")
    made = []
    for place in order.tolist():
        part = parts[place]
        one: dict[str, Any] = {"field": part.field}
        if part.piece is not None:
            one["part"] = part.piece
        if part.value is not None:
            one["value"] = part.value
        made.append({**one, "contribution": float(contributions[place]), "error": float(errors[place])})
    return {"attributions": made}


def grid(shape: tuple[int, int], contributions: Values, errors: Values | None) -> dict[str, Any]:
    """Contributions of the spots of a picture, row by row."""
    found: dict[str, Any] = {"shape": list(shape), "values": contributions.reshape(shape).tolist()}
    return {"map": found if errors is None else {**found, "errors": errors.reshape(shape).tolist()}}


def tokens(texts: Sequence[str], contributions: Values, errors: Values | None) -> dict[str, Any]:
    """Contributions of tokens, in the order of the text."""
    found: list[dict[str, Any]] = [
        {"token": text, "contribution": number}
        for text, number in zip(texts, contributions.tolist(), strict=True)
    ]
    if errors is not None:
        for one, error in zip(found, errors.tolist(), strict=True):
            one["error"] = error
    return {"tokens": found}


def _shortened(document: Any, digits: int) -> Any:
    """Every fraction of a document with fewer digits."""
    match document:
        case float():
            return rounded({"it": np.array([document])}, digits)["it"].tolist()[0]
        case list():
            return [_shortened(one, digits) for one in document]
        case dict():
            return {
                name: one if name == "value" and "field" in document else _shortened(one, digits)
                for name, one in document.items()
            }
    return document
