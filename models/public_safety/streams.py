"""Sensor streams as tables: every reading with the readings before it, and the labels for judging."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from functions.public_safety.handler import HISTORY
from maas.manifest import DataSource
from models.public_safety.nab import LABELS
from models.table import Table

Times = NDArray[np.datetime64]
Window = tuple[np.datetime64, np.datetime64]


def table_of(
    streams: Mapping[str, tuple[Times, NDArray[np.float64], Sequence[Window]]], data: DataSource
) -> Table:
    """One table of several streams, each with times, values and labelled windows (first and last time)."""
    labels, histories = [], []
    for name, (times, values, windows) in streams.items():
        label = np.zeros(len(values), LABELS)
        label["series"], label["length"] = name, len(values)
        label["position"], label["window"] = np.arange(len(values)), -1
        for number, (first, last) in enumerate(windows):
            label["window"][(times >= first) & (times <= last)] = number
        labels.append(label)
        histories.append(histories_of(values))
    times = np.concatenate([stream[0] for stream in streams.values()])
    target = np.concatenate(labels)
    return Table(
        columns={
            "timestamp": times,
            "value": np.concatenate([stream[1] for stream in streams.values()]),
            "history": np.concatenate(histories),
        },
        target=target,
        data=data,
        times=times,
        groups=target["series"],
    )


def histories_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The readings before each reading, oldest first and NaN behind them, shape (n, HISTORY)."""
    padded = np.concatenate([np.full(HISTORY, np.nan), values[:-1]])
    histories = sliding_window_view(padded, HISTORY).copy()
    for row in range(min(HISTORY, len(values))):
        histories[row] = np.roll(histories[row], row - HISTORY)
    return histories
