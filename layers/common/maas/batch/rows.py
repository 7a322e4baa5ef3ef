"""Rows of a file as the model reads them, and their predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from maas.batch.rejects import Reject
from maas.contract import Columns
from maas.errors import InvalidRecord, MaasError

_FEW = 8


@dataclass
class Rows:
    """Rows as they came and as the model reads them, of which some may have dropped out.

    Attributes:
        columns: The contract's columns of the rows that are left.
        lines: For each of these rows, its first line in the file.
        texts: For each, its text without line end, ready for more cells.
        rejects: The rows that dropped out.
        count: How many there were.
        ignored: Names in the file that the model does not know.
    """

    columns: Columns
    lines: Sequence[int]
    texts: Sequence[str]
    rejects: list[Reject]
    count: int
    ignored: frozenset[str] = field(default_factory=frozenset)


def score_rows(
    rows: Rows, predict: Callable[[Columns], Columns]
) -> tuple[list[str], Mapping[str, Any], list[Reject]]:
    """Predictions for the rows that the model can compute with: their texts, predictions, further rejects."""
    parts: list[tuple[list[int], Mapping[str, Any]]] = []
    rejects: list[Reject] = []
    pending = [list(range(len(rows.lines)))]
    while pending:
        chosen = pending.pop()
        if not chosen:
            continue
        whole = len(chosen) == len(rows.lines)
        columns = rows.columns if whole else {name: c[chosen] for name, c in rows.columns.items()}
        try:
            parts.append((chosen, predict(columns)))
        except InvalidRecord as error:
            bad = _rows_of(error, len(chosen))
            if not bad:
                raise
            rejects += [Reject(rows.lines[chosen[row]], None, reason) for row, reason in bad.items()]
            left = [place for row, place in enumerate(chosen) if row not in bad]
            # An error names a few rows only: halves keep a block full of bad rows from many trials.
            cut = len(left) // 2 if len(bad) > _FEW else 0
            pending += [left[cut:], left[:cut]]
    if not parts:
        return [], {}, rejects
    order = np.argsort(np.concatenate([chosen for chosen, _ in parts]), kind="stable")
    places = sorted(chain.from_iterable(chosen for chosen, _ in parts))
    texts = list(rows.texts) if len(places) == len(rows.lines) else [rows.texts[place] for place in places]
    names = parts[0][1]
    merged = {name: np.concatenate([part[name] for _, part in parts])[order] for name in names}
    return texts, merged, rejects


def _rows_of(error: MaasError, count: int) -> dict[int, str]:
    """Rows named by pointers /instances/<row>..., and why."""
    found: dict[int, str] = {}
    for fault in error.errors:
        _, _, rest = fault.pointer.partition("/instances/")
        row = rest.partition("/")[0]
        if row.isdecimal() and int(row) < count:
            found.setdefault(int(row), fault.detail)
    return found
