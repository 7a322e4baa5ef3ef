"""Plots of a model card, as SVG bytes that are the same for the same figures."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from maas.manifest import Manifest
from maas.preprocessing import hour
from models import class_plots
from models.evaluation import Evaluation
from models.recipe import Recipe

TITLES = {
    "week": "Predicted and actual over a week",
    "error_by_hour": "Error by hour of the day",
    "scatter": "Predicted against actual",
    "roc": "Finding the positive: ROC curve",
    "reliability": "Reliability: what happened at each predicted probability",
    "candidates": "Candidates in cross-validation",
    "importance": "What each input is worth",
    "contributions": "What moves the answers",
}
_MODEL, _TRUTH, _NAIVE = "#0a6ebd", "#222222", "#c0772b"
_WEEK = np.timedelta64(7, "D")
_POINTS = 500
_BARS = 15  # more labels would overlap


def draw(recipe: Recipe, evaluation: Evaluation, manifest: Manifest) -> dict[str, bytes]:
    """The plots that the data allow, by name: of a probability, over time if there are times."""
    drawings = {}
    numeric = evaluation.table.target.dtype.kind in "fiu" and evaluation.table.target.ndim == 1
    output = next(iter(evaluation.naive))
    if recipe.plots:
        for name, plot in recipe.plots.items():
            figure = _figure()
            plot(figure, evaluation)
            drawings[name] = _svg(figure)
    elif numeric and np.isin(evaluation.table.target, (0, 1)).all():
        drawings["roc"] = _drawn("roc", class_plots.roc, evaluation, output)
        drawings["reliability"] = _drawn("reliability", class_plots.reliability_diagram, evaluation, output)
    elif numeric and evaluation.table.times is not None:
        drawings["week"] = _week(evaluation, output)
        drawings["error_by_hour"] = _error_by_hour(evaluation, output)
    elif numeric:
        drawings["scatter"] = _scatter(evaluation, output)
    drawings["candidates"] = _candidates(recipe, manifest)
    return drawings


def importance(recipe: Recipe, gains: Mapping[str, float]) -> bytes:
    """Bars of `models.evaluation.field_importance`, the greatest on top, 15 at most."""
    figure, axes = _axes("importance")
    ordered = sorted(gains.items(), key=lambda gain: gain[1])[-_BARS:]
    axes.barh([name for name, _ in ordered], [gain for _, gain in ordered], color=_MODEL)
    axes.set_xlabel(f"{recipe.score} lost when the input is shuffled")
    return _svg(figure)


def contributions(manifest: Manifest) -> bytes | None:
    """Bars of the mean size of each part's or token's contributions, the greatest on top, 15 at most."""
    told = manifest.explanation
    if told is None or len(told.importance) < 2:  # noqa: PLR2004 - one bar says nothing
        return None
    ordered = sorted(told.importance.items(), key=lambda one: one[1])[-_BARS:]
    if not all(name.isascii() for name, _ in ordered):
        return None  # tokens in scripts that the font for plots does not have
    figure, axes = _axes("contributions")
    axes.barh([name for name, _ in ordered], [size for _, size in ordered], color=_MODEL)
    axes.set_xlabel(
        f"mean size of the contribution to {told.target.replace('_', ' ')}{_of_scale(told.scale)}"
    )
    return _svg(figure)


def _of_scale(scale: str) -> str:
    return "" if scale == "answer" else f", {scale}"


def _week(evaluation: Evaluation, output: str) -> bytes:
    times = evaluation.table.times
    if times is None:
        raise ValueError("a week needs times")
    # The Monday with the most rows in the seven days after it: a week without gaps, if there is one.
    # numpy's weeks begin on Thursdays, as the epoch did.
    monday = np.timedelta64(4, "D")
    weeks, counts = np.unique(
        (times.astype("datetime64[D]") - monday).astype("datetime64[W]"), return_counts=True
    )
    start = weeks[counts.argmax()].astype("datetime64[D]") + monday
    inside = np.flatnonzero((times >= start) & (times < start + _WEEK))
    shown = inside[np.unique(times[inside], return_index=True)[1]]
    moments = times[shown].astype(object)
    figure, axes = _axes("week")
    axes.plot(moments, evaluation.table.target[shown], color=_TRUTH, linewidth=1.2, label="actual")
    axes.plot(moments, evaluation.predicted[output][shown], color=_MODEL, linewidth=1.2, label="predicted")
    axes.plot(moments, evaluation.naive[output][shown], color=_NAIVE, linewidth=0.7, label="baseline")
    axes.tick_params(axis="x", labelrotation=30)
    axes.set_ylabel(output.replace("_", " "))
    axes.legend(frameon=False, ncols=3, fontsize="small")
    return _svg(figure)


def _error_by_hour(evaluation: Evaluation, output: str) -> bytes:
    times = evaluation.table.times
    if times is None:
        raise ValueError("hours need times")
    hours = hour(times)
    figure, axes = _axes("error_by_hour")
    for answers, colour, label in (
        (evaluation.naive, _NAIVE, "baseline"),
        (evaluation.predicted, _MODEL, "model"),
    ):
        squares = (answers[output] - evaluation.table.target) ** 2
        present = np.unique(hours)
        errors = [float(np.sqrt(squares[hours == one].mean())) for one in present]
        axes.plot(present, errors, color=colour, marker=".", label=label)
    axes.set_xlabel("hour")
    axes.set_ylabel("root mean squared error")
    axes.legend(frameon=False)
    return _svg(figure)


def _scatter(evaluation: Evaluation, output: str) -> bytes:
    truth = evaluation.table.target
    shown = np.unique(np.linspace(0, len(truth) - 1, _POINTS).astype(np.intp))
    figure, axes = _axes("scatter")
    axes.plot(truth[shown], evaluation.predicted[output][shown], ".", markersize=3, color=_MODEL)
    axes.axline((float(truth.mean()), float(truth.mean())), slope=1, color=_TRUTH, linewidth=0.7)
    axes.set_xlabel("actual")
    axes.set_ylabel("predicted")
    return _svg(figure)


def _drawn(name: str, plot: Callable[..., None], evaluation: Evaluation, output: str) -> bytes:
    figure, axes = _axes(name)
    plot(axes, evaluation.table.target, evaluation.predicted[output])
    return _svg(figure)


def _candidates(recipe: Recipe, manifest: Manifest) -> bytes:
    figure, axes = _axes("candidates")
    tried = manifest.candidates
    axes.barh(
        [one.name for one in tried],
        [one.score for one in tried],
        xerr=[one.spread for one in tried],
        color=[_MODEL if one.chosen else "#9db7cc" for one in tried],
    )
    axes.set_xlabel(f"{recipe.score}, mean and standard deviation over the folds")
    return _svg(figure)


def title(name: str) -> str:
    """A plot's title."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


def _figure() -> Any:
    from matplotlib.figure import Figure

    # A Figure of its own, without pyplot: no global state, no display.
    return Figure(figsize=(7, 3), layout="constrained")


def _axes(name: str) -> tuple[Any, Any]:
    figure = _figure()
    axes = figure.subplots()
    axes.set_title(TITLES[name], fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any) -> bytes:
    import matplotlib as mpl

    buffer = io.BytesIO()
    # Text stays text (small, searchable); a fixed salt and no date make equal plots equal bytes.
    with mpl.rc_context({"svg.hashsalt": "maas", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
