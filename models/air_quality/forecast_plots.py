"""Plots of the forecasts' card: a fortnight as it was forecast, and errors by the level forecast from."""

from typing import Any

import numpy as np

from functions.air_quality.handler import recent
from models.air_quality.hourly_series import AHEAD
from models.evaluation import Evaluation

_MODEL, _TRUTH, _NAIVE = "#0a6ebd", "#222222", "#c0772b"
_SHOWN = np.timedelta64(14, "D")
_LEVELS = (0, 25, 50, 75, 100, 150, 200, 300, np.inf)


def fortnight(figure: Any, evaluation: Evaluation) -> None:
    """What came and what was forecast for it, from the middle of the rows held out."""
    figure.set_size_inches(7, 5)
    times = evaluation.table.times
    if times is None:
        raise ValueError("a fortnight needs times")
    begin = times[len(times) // 2]
    shown = np.flatnonzero((times >= begin) & (times < begin + _SHOWN))
    panels = figure.subplots(len(AHEAD), 1, sharex=True, sharey=True)
    for place, (axes, hours) in enumerate(zip(panels, AHEAD, strict=True)):
        moments = (times[shown] + np.timedelta64(hours, "h")).astype(object)
        axes.plot(moments, evaluation.table.target[shown, place], color=_TRUTH, linewidth=1, label="actual")
        forecast = evaluation.predicted[f"pm25_{hours}h"][shown]
        axes.plot(moments, forecast, color=_MODEL, linewidth=1, label="forecast")
        axes.set_title(f"PM2.5 and its forecast {hours} hours before", fontsize="medium")
        axes.set_ylabel("µg/m³")
        axes.tick_params(axis="x", labelrotation=20)
    panels[0].legend(frameon=False, ncols=2, fontsize="small")


def error_by_level(figure: Any, evaluation: Evaluation) -> None:
    """Root mean squared error against the reading at the time of the forecast."""
    now = recent(evaluation.table.columns["pm25"])[0][:, -1]
    level = np.digitize(now, _LEVELS) - 1
    present = np.unique(level)
    names = [
        f"{_LEVELS[one]:g} or more" if one == len(_LEVELS) - 2 else f"{_LEVELS[one]:g}" for one in present
    ]
    for axes, (place, hours) in zip(
        figure.subplots(1, len(AHEAD), sharey=True), enumerate(AHEAD), strict=True
    ):
        for answers, colour, label in (
            (evaluation.naive, _NAIVE, "persistence"),
            (evaluation.predicted, _MODEL, "model"),
        ):
            squares = (answers[f"pm25_{hours}h"] - evaluation.table.target[:, place]) ** 2
            errors = [float(np.sqrt(squares[level == one].mean())) for one in present]
            axes.plot(names, errors, color=colour, marker=".", label=label)
        axes.set_title(f"{hours} hours ahead", fontsize="medium")
        axes.set_xlabel("reading when asked, from, µg/m³")
        axes.tick_params(axis="x", labelrotation=45)
        axes.legend(frameon=False, fontsize="small")
