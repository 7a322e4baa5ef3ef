"""Scores of a version beside those of the naive baseline, and which of the two is better."""

from typing import NamedTuple

from maas.manifest import Manifest

# The short names that recipes use, and scikit-learn's endings, which maas.metrics follows.
LOWER_IS_BETTER = ("mae", "mse", "rmse", "mape", "mase", "_error", "_loss", "brier_score")
HIGHER_IS_BETTER = ("r2", "accuracy", "precision", "recall", "f1", "auc", "_score")
# What a model is best known by, where several are measured; otherwise the first by name.
HEADLINES = ("mae", "accuracy", "roc_auc", "f1", "rmse", "mean_absolute_error", "accuracy_score")


class Score(NamedTuple):
    """One metric of a version on held-out data, and the baseline's where it was measured."""

    metric: str
    value: float
    baseline: float | None

    @property
    def gain(self) -> float | None:
        """How much better than the baseline, as a share of its value; None where that cannot be said."""
        if not self.baseline or not self.metric.endswith(LOWER_IS_BETTER + HIGHER_IS_BETTER):
            return None
        difference = (self.value - self.baseline) / abs(self.baseline)
        return -difference if self.metric.endswith(LOWER_IS_BETTER) else difference

    @property
    def comparison(self) -> str:
        """The gain in words."""
        if self.gain is None:
            return ""
        return f"{abs(self.gain):.1%} {'better' if self.gain >= 0 else 'worse'}"


def scores(manifest: Manifest) -> list[Score]:
    """All metrics of a version beside its baseline's, the one it is best known by first."""
    reference = manifest.baseline.metrics
    return in_order([Score(name, value, reference.get(name)) for name, value in manifest.metrics.items()])


def in_order(measured: list[Score]) -> list[Score]:
    """Scores with the best known first; then those that have something to be compared with."""

    def rank(score: Score) -> tuple[bool, int, str]:
        known = HEADLINES.index(score.metric) if score.metric in HEADLINES else len(HEADLINES)
        return score.baseline is None, known, score.metric

    return sorted(measured, key=rank)
