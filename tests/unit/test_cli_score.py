"""Scores beside their baselines, and log records in a sentence."""

import json

import pytest

from cli.score import Score, in_order
from cli.status import sentence


@pytest.mark.parametrize(
    ("metric", "value", "baseline", "text"),
    [
        ("mae", 10.0, 40.0, "75.0% better"),
        ("rmse", 50.0, 40.0, "25.0% worse"),
        ("mean_absolute_error", 40.0, 40.0, "0.0% better"),
        ("r2", 0.9, 0.6, "50.0% better"),
        ("f1_score", 0.3, 0.6, "50.0% worse"),
        ("r2", -0.1, -0.2, "50.0% better"),
        ("log_loss", 0.2, 0.4, "50.0% better"),
        ("brier_score", 0.2, 0.4, "50.0% better"),
        ("coverage", 0.9, 0.5, ""),
        ("mae", 10.0, None, ""),
        ("mae", 10.0, 0.0, ""),
    ],
)
def test_a_score_says_whether_it_is_better(
    metric: str, value: float, baseline: float | None, text: str
) -> None:
    """The direction comes from the metric's name; where it is unknown, nothing is claimed."""
    assert Score(metric, value, baseline).comparison == text


def test_the_best_known_metric_is_first() -> None:
    """Comparable metrics come before others, and the usual ones before the rest."""
    names = ["zeta", "r2", "mae", "rmse"]
    measured = [Score(name, 1.0, None if name == "zeta" else 2.0) for name in names]
    assert [score.metric for score in in_order(measured)] == ["mae", "rmse", "r2", "zeta"]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (json.dumps({"level": "ERROR", "message": "failed", "reason": "no such key"}), "failed: no such key"),
        (json.dumps({"level": "ERROR", "message": "crashed"}), "crashed"),
        ("[ERROR] Task timed out\nTraceback ...", "[ERROR] Task timed out"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_a_log_record_becomes_a_sentence(record: str, text: str) -> None:
    """Structured records give message and reason, others their first line."""
    assert sentence(record) == text
