"""What a CSV file's column holds, told from its texts."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from models.csv_values import MISSING
from models.scaffold.code import identifier, name_and_unit

type Kind = Literal["float", "int", "bool", "text", "time"]

_MOST_CHOICES = 50
_LONGEST_CHOICE = 60
_MOST_CLASSES = 10  # of whole numbers; more are a quantity
_LARGEST = 1e30  # well within the float32 that features are made of


@dataclass(frozen=True)
class Column:
    """One column, as a field of a record.

    Attributes:
        header: Its name in the file.
        name: The field's.
        unit: From the header, where it says one in brackets.
        kind: What its values are.
        missing: Whether some are missing.
        values: Those that are not, converted.
    """

    header: str
    name: str
    unit: str | None
    kind: Kind
    missing: bool
    values: Sequence[Any]

    @property
    def choices(self) -> tuple[str, ...]:
        """The distinct texts, in order."""
        return tuple(sorted({str(value) for value in self.values}))

    @property
    def is_category(self) -> bool:
        """Whether its values are few texts, none long."""
        few = len(self.choices) <= min(_MOST_CHOICES, max(2, len(self.values) // 2))
        return self.kind == "text" and few and max(map(len, self.choices)) <= _LONGEST_CHOICE

    @property
    def is_label(self) -> bool:
        """Whether its values, as a target, are classes rather than a quantity."""
        counted = self.kind == "int" and len(self.choices) <= _MOST_CLASSES
        return not self.missing and (counted or self.kind == "bool" or self.is_category)

    @property
    def range(self) -> tuple[Any, ...]:
        """The lowest and the highest value, or the choices."""
        if self.kind == "text":
            return self.choices
        return (False, True) if self.kind == "bool" else (min(self.values), max(self.values))

    @property
    def bounds(self) -> tuple[float, float]:
        """What a record may hold: the range and half as much again on each side.

        Counts, and what begins at nothing, do not become negative.
        """
        low, high = map(float, self.range)
        room = (high - low) / 2 or max(abs(low), 1.0) / 2
        counted = low == 0 or (low > 0 and self.kind == "int")
        lowest, highest = 0.0 if counted else low - room, high + room
        if self.kind == "int":
            return math.floor(lowest), math.ceil(highest)
        return _rounded(lowest, math.floor), _rounded(highest, math.ceil)

    @property
    def example(self) -> Any:
        """A value from the middle of the file."""
        return self.values[len(self.values) // 2]

    @property
    def median(self) -> float:
        """The median of numbers, to four digits."""
        return float(f"{np.median(np.array(self.values, np.float64)):.4g}")


def columns(texts: dict[str, list[str]]) -> list[Column]:
    """Every column of a file, by header; an empty column has no values."""
    found: list[Column] = []
    for header, cells in texts.items():
        plain, unit = name_and_unit(header)
        name = identifier(plain, [one.name for one in found])
        stripped = [cell.strip() for cell in cells]
        present = [cell for cell in stripped if cell not in MISSING]
        missing = len(present) < len(stripped)
        kind, values = _converted(present, missing=missing)
        found.append(Column(header, name, unit, kind, missing, values))
    return found


def _converted(cells: list[str], *, missing: bool) -> tuple[Kind, Sequence[Any]]:
    if not cells:
        return "text", cells
    if not missing and {cell.lower() for cell in cells} <= {"true", "false"}:
        return "bool", [cell.lower() == "true" for cell in cells]
    if all(re.fullmatch(r"[+-]?\d{1,15}", cell) for cell in cells):
        # A code with leading zeros is a text.
        if any(re.match(r"[+-]?0\d", cell) for cell in cells):
            return "text", cells
        # A missing number is NaN, and so a float.
        return (
            ("float", [float(cell) for cell in cells]) if missing else ("int", [int(cell) for cell in cells])
        )
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return _time_or_text(cells)
    finite = all(math.isfinite(value) and abs(value) < _LARGEST for value in numbers)
    return ("float", numbers) if finite else ("text", cells)


def _time_or_text(cells: list[str]) -> tuple[Kind, Sequence[Any]]:
    try:
        moments = [datetime.fromisoformat(cell) for cell in cells]
    except ValueError:
        return "text", cells
    if any(moment.tzinfo is not None for moment in moments):
        return "text", cells
    return "time", [moment.isoformat(timespec="seconds") for moment in moments]


def _rounded(value: float, towards: Any) -> float:
    """A bound with two significant digits, rounded outwards."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{towards(value / unit) * unit:.3g}")
