"""Classifiers as candidates: probabilities in the order of the classes, the same in ONNX."""

from typing import Any

import numpy as np
import pytest

from maas.artifact import digest_of
from maas.errors import DataError
from maas.manifest import DataSource
from maas.runtime import Session
from models.classifier import Classifier, ClassifierBlend, ProbabilityCandidate
from models.export import parity
from models.table import Table

CLASSES = ("dry", "wet", "snow")


def _logistic(_: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def _boosted(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=10, random_state=seed)


LOGISTIC = Classifier("logistic", CLASSES, _logistic)
BOOSTED = Classifier("boosted", CLASSES, _boosted)


def _rows(classes: tuple[str, ...] = CLASSES) -> tuple[np.ndarray[Any, Any], Table]:
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(300, 3)).astype(np.float32)
    target = np.array(classes, object)[matrix[:, : len(classes)].argmax(axis=1)]
    data = DataSource(name="weather", source="w", digest=digest_of(b""), rows=300, simulated=True)
    return matrix, Table(columns={}, target=target, data=data)


@pytest.mark.parametrize(
    "candidate", [LOGISTIC, BOOSTED, ClassifierBlend("both", (LOGISTIC, BOOSTED))], ids=lambda one: one.name
)
@pytest.mark.parametrize("present", [CLASSES, ("dry", "snow")], ids=["all", "one class absent"])
def test_export_gives_the_same_probabilities(
    candidate: ProbabilityCandidate, present: tuple[str, ...]
) -> None:
    """One column per class in the declared order, in ONNX as in training, also where a class never occurs."""
    matrix, table = _rows(present)
    fitted = candidate.fit(matrix, table, seed=1)
    artifact = fitted.to_onnx()
    found = Session(artifact).run(matrix)
    assert list(found) == ["probabilities"]
    assert found["probabilities"].shape == (300, 3)
    assert parity(fitted, artifact, matrix, 1e-5).rows == 300
    likeliest = np.array(CLASSES)[found["probabilities"].argmax(axis=1).astype(int)]
    assert (likeliest == table.target).mean() > 0.9
    absent = [index for index, one in enumerate(CLASSES) if one not in present]
    assert not found["probabilities"][:, absent].any()


def test_rows_bound_what_is_fitted() -> None:
    """A costly method sees no more rows than it may, the same ones for the same seed."""
    matrix, table = _rows()
    few = Classifier("few", CLASSES, _logistic, {"C": 1.0}, rows=50)
    first, again = (few.fit(matrix, table, seed=3).predict(matrix)["probabilities"] for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, LOGISTIC.fit(matrix, table, seed=3).predict(matrix)["probabilities"])
    assert few.hyperparameters == {"C": 1.0, "rows": 50}


def test_unsuitable_targets_are_refused() -> None:
    """A value that is no class, and a table of one class alone, are named as what they are."""
    matrix, table = _rows(("dry", "fog"))
    with pytest.raises(DataError, match="'fog' is none of the classes"):
        LOGISTIC.fit(matrix, table, seed=0)
    matrix, table = _rows(("dry",))
    with pytest.raises(DataError, match="of one class"):
        LOGISTIC.fit(matrix, table, seed=0)
