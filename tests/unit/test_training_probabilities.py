"""What is built on class probabilities: calibration, occlusion and the figures of both."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.artifact import digest_of
from maas.manifest import DataSource
from maas.metrics import log_loss
from maas.runtime import Session
from models.baseline import FrequencyByValue
from models.calibration import Calibrated
from models.classification import calibration_error, probability_metrics, reliability
from models.classifier import Classifier
from models.export import parity
from models.occlusion import Occluded
from models.table import Table

GROUPS = {"strong": [0], "constant": [3], "weak": [1, 2]}


def _overconfident(_: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


def _logistic(_: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


BAYES = Classifier("bayes", (0, 1), _overconfident)
LOGISTIC = Classifier("logistic", (0, 1), _logistic)


def _rows(n: int = 600, seed: int = 0) -> tuple[np.ndarray[Any, Any], Table]:
    generator = np.random.default_rng(seed)
    strong, weak = generator.normal(size=(2, n))
    # The same thing said twice: naive Bayes counts it twice, and is surer than it should be.
    matrix = np.column_stack([strong, strong + 0.05 * weak, weak, np.full(n, 7.0)]).astype(np.float32)
    target = (generator.random(n) < 1 / (1 + np.exp(-strong - 0.3 * weak))).astype(np.int64)
    data = DataSource(name="t", source="t", digest=digest_of(b""), rows=n, simulated=True)
    return matrix, Table(
        columns={"sign": np.where(strong > 0, "+", "-").astype(object)}, target=target, data=data
    )


def test_calibration_corrects_what_is_too_sure() -> None:
    """On rows not learnt the cross-entropy falls and the ranks stay; ONNX says the same."""
    matrix, table = _rows()
    judged, truth = _rows(seed=1)
    sure = BAYES.fit(matrix, table, seed=0).predict(judged)["probabilities"]
    calibrated = Calibrated(BAYES).fit(matrix, table, seed=0)
    corrected = calibrated.predict(judged)["probabilities"]
    assert log_loss(truth.target, corrected) < log_loss(truth.target, sure) - 0.004
    assert np.array_equal(np.argsort(sure[:, 1]), np.argsort(corrected[:, 1]))
    assert parity(calibrated, calibrated.to_onnx(), judged, 1e-4).rows == len(judged)
    assert Calibrated(BAYES).name == "bayes, calibrated"


def test_occlusion_adds_up_what_one_group_does() -> None:
    """What is typical adds nothing, what is not adds its share; a constant group says nothing."""
    matrix, table = _rows()
    fitted = Occluded(LOGISTIC, {"all": [0, 1, 2], **GROUPS}).fit(matrix, table, seed=0)
    probabilities, contributions = fitted.predict(matrix).values()
    typical = np.median(matrix, axis=0, keepdims=True).astype(np.float32)
    expected = probabilities[:, 1] - fitted.predict(typical)["probabilities"][0, 1]
    np.testing.assert_allclose(contributions[:, 0], expected, atol=1e-6)
    assert not fitted.predict(typical)["contributions"].any()
    assert list(fitted.varying) == [0, 1, 3]
    assert not contributions[:, 2].any()


@pytest.mark.parametrize("n", [1, 5])
def test_occlusion_in_onnx_is_the_same(n: int) -> None:
    """Probabilities are those of the classifier alone, contributions those computed in training."""
    matrix, table = _rows()
    fitted = Occluded(Calibrated(LOGISTIC), GROUPS).fit(matrix, table, seed=0)
    artifact = fitted.to_onnx()
    assert parity(fitted, artifact, matrix[:n], 1e-5).rows == n
    assert Session(artifact).run(matrix[:n])["contributions"].shape == (n, 3)


def test_probability_metrics_of_a_known_case() -> None:
    """Four rows by hand."""
    truth, predicted = np.array([0, 0, 1, 1]), {"p": np.array([0.1, 0.6, 0.6, 0.9])}
    figures = probability_metrics("p")(truth, predicted)
    assert figures["roc_auc"] == pytest.approx(0.875)
    assert figures["brier_score"] == pytest.approx((0.01 + 0.36 + 0.16 + 0.01) / 4)
    assert figures["accuracy"] == 0.75
    assert "roc_auc" not in probability_metrics("p")(np.array([1, 1]), {"p": np.array([0.5, 0.7])})


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=80))
def test_reliability_counts_every_row_once(rows: list[tuple[bool, float]]) -> None:
    """Bins keep the rows, their mean and their frequency; the error is a distance of probabilities."""
    truth, probability = (np.array(column, float) for column in zip(*rows, strict=True))
    mean, frequency, count = reliability(truth, probability)
    assert count.sum() == len(rows)
    assert (count * mean).sum() == pytest.approx(probability.sum())
    assert (count * frequency).sum() == pytest.approx(truth.sum())
    assert 0 <= calibration_error(truth, probability) <= 1


def test_frequency_baseline_looks_up_and_falls_back() -> None:
    """A known value has its own frequency, a new one that of all."""
    _, table = _rows()
    baseline = FrequencyByValue("p", lambda columns: columns["sign"], "by sign")
    _, asked = _rows(n=3)
    asked.columns["sign"][:] = ["+", "-", "?"]  # type: ignore[index]
    found = baseline.predict(table, asked)["p"]
    positive = table.columns["sign"] == "+"
    assert found.tolist() == pytest.approx(
        [table.target[positive].mean(), table.target[~positive].mean(), table.target.mean()]
    )
