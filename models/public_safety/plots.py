"""Plots of the card: a stream with its labelled windows and what was reported."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from models.evaluation import Evaluation


def plot_stream(figure: Any, evaluation: "Evaluation") -> None:
    """The held-out stream with the most windows: readings, windows, reported anomalies."""
    target = evaluation.table.target
    names = np.unique(target["series"])
    windows = [len(np.unique(target["window"][target["series"] == name])) for name in names]
    rows = np.flatnonzero(target["series"] == names[int(np.argmax(windows))])
    rows = rows[np.argsort(target["position"][rows])]
    values, times = evaluation.table.columns["value"][rows], evaluation.table.columns["timestamp"][rows]
    axes = figure.subplots()
    # A few thousand points say as much as all, and keep the file small.
    thin = slice(None, None, max(1, len(rows) // 1500))
    axes.plot(times[thin], values[thin], linewidth=0.6, color="0.4")
    for window in np.unique(target["window"][rows]):
        if window >= 0:
            inside = times[target["window"][rows] == window]
            axes.axvspan(inside[0], inside[-1], color="tab:orange", alpha=0.3, linewidth=0)
    reported = evaluation.predicted["anomaly"][rows]
    axes.plot(times[reported], values[reported], "o", markersize=4, color="tab:red")
    axes.set_title(f"{target['series'][rows[0]]}\norange: labelled, red: reported", fontsize=9)
    figure.autofmt_xdate()
