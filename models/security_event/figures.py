"""Figures of a detector, with every attack's name given its due."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns
from maas.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score
from models.security_event.attack import NORMAL, UNKNOWN, family_of
from models.table import Table


def detection_metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
    """Figures of `attack`, `probability` and `family` against the true names.

    `balanced_accuracy` is the mean of two shares: normal rows taken for normal, and attacks found, where
    each name counts by the root of its rows. `family_macro_f1` is over the rows whose family is known, and
    left out where there are none but normal ones.
    """
    attack, found = truth != NORMAL, predicted["attack"].astype(bool)
    figures = {
        "accuracy": accuracy_score(attack, found),
        "balanced_accuracy": _balanced_accuracy(truth, found),
        "precision": precision_score(attack.astype(int), found.astype(int)),
        "recall": recall_score(attack.astype(int), found.astype(int)),
        "f1": f1_score(attack.astype(int), found.astype(int)),
        "false_alarm_rate": float(found[~attack].mean()) if not attack.all() else np.nan,
        "auc": roc_auc_score(attack, predicted["probability"]),
    }
    families = family_of(truth)
    named = families != UNKNOWN
    if (families[named] != NORMAL).any():
        labels = np.unique(families[named].astype(str))
        answers = predicted["family"][named].astype(str)
        figures["family_macro_f1"] = f1_score(
            families[named].astype(str), answers, labels=labels, average="macro"
        )
    # A manifest holds finite numbers only; an undefined figure is left out.
    return {name: float(value) for name, value in figures.items() if np.isfinite(value)}


def _balanced_accuracy(truth: NDArray[Any], found: NDArray[np.bool_]) -> float:
    names, places, counts = np.unique(truth.astype(str), return_inverse=True, return_counts=True)
    shares = np.bincount(places, found) / counts
    normal = names == NORMAL
    parts = [1 - shares[normal].mean()] if normal.any() else []
    if not normal.all():
        parts.append(np.average(shares[~normal], weights=np.sqrt(counts[~normal])))
    return float(np.mean(parts))


class CommonerSide:
    """Everything is taken for what the learnt rows mostly are: attacks, or normal traffic."""

    name = "always the commoner of attack and normal"

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """The same answer for every row."""
        share = float((learnt.target != NORMAL).mean())
        attack = share >= 0.5  # noqa: PLR2004 - the commoner
        n = len(asked)
        family = np.full(n, UNKNOWN if attack else NORMAL, object)
        return {"attack": np.full(n, attack), "probability": np.full(n, share), "family": family}
