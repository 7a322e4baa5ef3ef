"""What is asked of an explanation: one record, one number of its answer, and how it is to be explained."""

import hashlib
from dataclasses import dataclass

import orjson

from maas.contract import Columns, Matrix, rows
from maas.errors import FieldError, InvalidRequest
from maas.explain.budget import Budget
from maas.explain.game import Values
from maas.explain.options import Options
from maas.explain.target import Target


@dataclass(frozen=True, eq=False)
class Question:
    """One record whose answer is to be explained.

    Attributes:
        own: It, as columns of one row.
        matrix: Its features, shape (1, F).
        outputs: What the graph gives for it.
        target: The number to explain.
        values: That number for the record, and for the background behind it.
        options: What the caller asked for.
        budget: What may be computed.
    """

    own: Columns
    matrix: Matrix
    outputs: Columns
    target: Target
    values: Values
    options: Options
    budget: Budget

    @property
    def value(self) -> float:
        """The number for the record."""
        return float(self.values[0])

    def permit(self, *methods: str) -> None:
        """Refuse a method that the model does not have."""
        if self.options.method not in methods:
            place, detail = "/parameters/method", f"this model's methods are {', '.join(methods)}"
            raise InvalidRequest(f"{place}: {detail}.", errors=[FieldError(place, detail)])

    def seed(self, version: str) -> int:
        """A number that is the same for the same record, target and version."""
        document = [rows(self.own), self.target.name, version]
        text = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY, default=str)
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
