"""A simulated table for any contract: values drawn from ranges, and a target that depends on them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.artifact import digest_of
from maas.contract import Contract
from maas.field import Field
from maas.manifest import DataSource
from models.table import Table, checked_columns, period_of

_MISSING = 0.05  # share of the values of an optional field
_NOISE = 0.3  # of the target, in its own standard deviations
_DIGITS = 4

type Range = Sequence[float | str]


def simulate(
    contract: Contract[Any, Any],
    ranges: Mapping[str, Range],
    *,
    seed: int,
    source: str,
    rows: int = 2000,
    number: tuple[float, float] | None = None,
    classes: Sequence[str] = (),
    time: str | None = None,
) -> Table:
    """Records and targets, the same for the same seed; nothing in them was measured.

    Each field is drawn by itself, evenly over its range. The target is a random linear function of the
    features, with noise.

    Args:
        contract: The endpoint's.
        ranges: By field: lowest and highest number or time, or the choices of a text.
        seed: Of everything random.
        source: The file that says so, for the manifest.
        rows: How many.
        number: Mean and standard deviation of a numeric target.
        classes: The classes of another, equally frequent; one of the two must be given.
        time: The field that orders the rows, where there is one.
    """
    generator = np.random.default_rng(seed)
    fields = contract.fields
    values = {name: _drawn(fields[name], ranges[name], rows, generator) for name in fields}
    if time is not None:
        values[time] = sorted(values[time])
    name = f"simulated {contract.record.__name__}, seed {seed}"
    columns = checked_columns(contract, values, name=name, lines=range(rows))
    matrix = contract.matrix(columns).astype(np.float64)
    spread = matrix.std(axis=0)
    standard = (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1)
    score = standard @ generator.normal(size=matrix.shape[1]) / np.sqrt(matrix.shape[1])
    score = (score - score.mean()) / (score.std() or 1) + generator.normal(0, _NOISE, rows)
    target: NDArray[Any]
    if number is None:
        ranks = score.argsort().argsort()
        target = np.array(classes, object)[ranks * len(classes) // rows]
    else:
        target = number[0] + number[1] * score
    times = None if time is None else columns[time]
    data = DataSource(
        name=name,
        source=f"simulated: {source}",
        digest=digest_of(repr((values, target.tolist())).encode()),
        rows=rows,
        simulated=True,
        period=None if times is None else period_of(times),
    )
    return Table(columns=columns, target=target, data=data, times=times)


def _drawn(field: Field, span: Range, rows: int, generator: np.random.Generator) -> list[Any]:
    values: list[Any]
    match field.kind:
        case "text" | "bool":
            values = np.array(span, object)[generator.integers(0, len(span), rows)].tolist()
        case "int":
            values = generator.integers(int(span[0]), int(span[1]) + 1, rows).tolist()
        case "float":
            low, high = float(span[0]), float(span[1])
            drawn = generator.uniform(low, high, rows)
            values = [min(max(float(f"{one:.{_DIGITS}g}"), low), high) for one in drawn.tolist()]
        case "time":
            first, last = (int(np.datetime64(str(end), "s").astype(np.int64)) for end in span)
            values = generator.integers(first, last + 1, rows).astype("datetime64[s]").astype(str).tolist()
    if field.optional:
        absent = generator.random(rows) < _MISSING
        values = [None if gone else value for gone, value in zip(absent, values, strict=True)]
    return values
