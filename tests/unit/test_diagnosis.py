"""Diagnosis: the Cleveland file with its question marks, and the offline sample through the same contract."""

import numpy as np
import pytest

from functions.diagnosis.handler import FEATURES, handler, respond
from maas.errors import DataError
from models.diagnosis.breast_cancer import load_breast_cancer_set
from models.diagnosis.train import RECIPE, load_cleveland
from models.source import Source

HEALTHY = "63.0,1.0,1.0,145.0,233.0,1.0,2.0,150.0,0.0,2.3,3.0,0.0,6.0,0"
ILL = "67,1,4,160,286,0,2,108,1,1.5,2,?,?,2"


def _source(*lines: str) -> Source:
    return Source.of("cleveland.data", "\n".join(lines).encode())


def test_cleveland_file_is_read_with_its_question_marks() -> None:
    """Codes by their meaning, any stage as 1, and what is missing stays missing."""
    table = load_cleveland(_source(HEALTHY, ILL, ""))
    assert table.target.tolist() == [0, 1]
    assert table.columns["chest_pain"].tolist() == ["typical angina", "asymptomatic"]
    assert table.columns["thallium"].tolist() == ["fixed defect", None]
    assert table.columns["vessels"][0] == 0
    assert np.isnan(table.columns["vessels"][1])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (HEALTHY[:-1] + "5", "line 2: the last column is a stage of 0 to 4, not 5"),
        (HEALTHY.replace(",6.0,", ",5.0,"), "line 2: column 'thallium': 5 is no code of it"),
        (HEALTHY.replace("63.0", "old"), "line 2: column 'age': 'old' is no number"),
        (HEALTHY.replace("145.0", "1450"), "line 2: blood_pressure: "),
    ],
)
def test_unsuitable_lines_are_refused(line: str, message: str) -> None:
    """Each fault is named where it is."""
    with pytest.raises(DataError, match=message):
        load_cleveland(_source(HEALTHY, line))


def test_missing_findings_count_as_typical() -> None:
    """A patient of whom nothing is known has the features of the typical one of the reference categories."""
    contract = handler.contract
    unknown, typical = contract.matrix(
        contract.parse([{}, {"age": 56.0, "vessels": 0.0, "thallium": "normal", "sex": "female"}])
    )
    assert np.array_equal(unknown, typical)
    assert unknown[FEATURES.index("cholesterol")] == 241


def test_one_missing_measurement_leaves_the_others() -> None:
    """A gap among the measurements is filled by itself."""
    contract = handler.contract
    values: list[float | None] = [float(number) for number in range(1, 31)]
    values[1] = None
    (row,) = contract.matrix(contract.parse([{"measurements": values}]))
    assert row[FEATURES.index("radius_mean")] == 1
    assert row[FEATURES.index("texture_mean")] == pytest.approx(18.8)
    assert row[FEATURES.index("fractal_dimension_worst")] == 30


def test_offline_sample_is_the_known_set() -> None:
    """569 masses, 212 of them malignant, in scikit-learn's order."""
    table = load_breast_cancer_set()
    assert (len(table), int(table.target.sum())) == (569, 212)
    matrix = handler.contract.matrix(table.columns)
    assert matrix[:, FEATURES.index("radius_mean")].max() == pytest.approx(28.11)
    assert np.ptp(matrix[:, FEATURES.index("age")]) == 0


def test_positive_from_one_half_on() -> None:
    """At one half the answer is yes."""
    answer = respond({"probabilities": np.array([[0.5, 0.5], [0.51, 0.49]])})
    assert answer["positive"].tolist() == [True, False]


def test_every_row_is_judged_once() -> None:
    """The nested folds cover the whole table."""
    assert RECIPE.held_out is not None
    table = load_breast_cancer_set()
    judged = np.concatenate([fold.test for fold in RECIPE.held_out(table)])
    assert np.array_equal(np.sort(judged), np.arange(569))
