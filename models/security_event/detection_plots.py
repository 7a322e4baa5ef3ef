"""Plots of a detector's card: the trade between alarms and finds, and what is found of each attack."""

from typing import Any

import numpy as np

from models import class_plots
from models.evaluation import Evaluation
from models.security_event.attack import NORMAL

_MODEL = "#0a6ebd"


def roc(figure: Any, evaluation: Evaluation) -> None:
    """Attacks found against false alarms, over all thresholds."""
    axes = figure.subplots()
    class_plots.roc(axes, evaluation.table.target != NORMAL, evaluation.predicted["probability"])
    axes.set_title("Finding attacks not learnt: ROC curve", fontsize="medium")
    axes.set_xlabel("share of normal traffic flagged")
    axes.set_ylabel("share of attacks found")


def found_by_attack(figure: Any, evaluation: Evaluation) -> None:
    """The share found of each attack, and of normal traffic the share flagged."""
    figure.set_size_inches(7, 4)
    axes = figure.subplots()
    names, counts = np.unique(evaluation.table.target.astype(str), return_counts=True)
    found = evaluation.predicted["attack"]
    shares = [float(found[evaluation.table.target == name].mean()) for name in names]
    axes.barh(
        [f"{name} ({count})" for name, count in zip(names, counts, strict=True)],
        shares,
        color=["#c0772b" if name == NORMAL else _MODEL for name in names],
    )
    axes.set_title("Flagged, by name (rows held out)", fontsize="medium")
    axes.set_xlabel("share flagged as an attack")
