"""Credit risk: two file formats through one contract, what the model never sees, and its reasons."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.credit_risk.handler import FEATURES, GROUPS, handler, respond
from maas.errors import DataError
from models.credit_risk.simulation import simulate
from models.credit_risk.train import RECIPE, load
from models.source import Source, read_source

NAMES = [
    "ID,LIMIT_BAL,SEX,EDUCATION,MARRIAGE,AGE",
    *(f"PAY_{month}" for month in (0, 2, 3, 4, 5, 6)),
    *(f"BILL_AMT{month}" for month in range(1, 7)),
    *(f"PAY_AMT{month}" for month in range(1, 7)),
    "default.payment.next.month",
]
HOLDER = "1,20000,2,2,1,24,2,2,-1,-1,-2,-2,3913,3102,689,0,0,0,0,689,0,0,0,0,1"
APPLICATION = "A11,6,A34,A43,1169,A65,A75,4,A92,A101,4,A121,67,A143,A152,2,A173,1,A192,A201,2"
AMOUNT = {"credit_amount": 50000.0}
UNUSED = {
    "sex": ("female", "male"),
    "age": (20.0, 80.0),
    "marriage": ("single", "other"),
    "education": ("graduate school", "other"),
    "foreign_worker": ("no", "yes"),
}
DATA = Path(__file__).parents[3] / "shared" / "data" / "credit_risk"


def _source(*lines: str) -> Source:
    return Source.of("credit.csv", "\n".join(lines).encode())


def _matrix(*records: dict[str, Any]) -> np.ndarray[Any, Any]:
    return handler.contract.matrix(handler.contract.parse(records))


def _value(matrix: np.ndarray[Any, Any], name: str, row: int = 0) -> float:
    return float(matrix[row, FEATURES.index(name)])


@pytest.mark.parametrize(
    "lines",
    [
        (",".join(NAMES), HOLDER),
        (",".join(NAMES).replace("PAY_0", "PAY_1").replace("default.", "default ").replace(".", " "), HOLDER),
        (",".join(f"X{column}" for column in range(25)), ",".join(NAMES), HOLDER),
    ],
    ids=["usual", "other names", "line of X above"],
)
def test_taiwan_file_is_read_in_the_forms_it_is_found_in(lines: tuple[str, ...]) -> None:
    """Months in order, codes by their meaning, default as 1."""
    table = load(_source(*lines))
    assert table.target.tolist() == [1]
    assert table.columns["payment_status"].tolist() == [[2, 2, -1, -1, -2, -2]]
    assert table.columns["payments"].tolist() == [[0, 689, 0, 0, 0, 0]]
    assert (table.columns["sex"][0], table.columns["education"][0]) == ("female", "university")
    assert table.columns["checking_account"][0] is None


@pytest.mark.parametrize("separator", [",", " ", "   "])
def test_german_file_is_read_with_commas_and_with_spaces(separator: str) -> None:
    """Codes become words, bad becomes 1; a code that says no marriage gives none."""
    table = load(_source(APPLICATION.replace(",", separator)))
    assert table.target.tolist() == [1]
    found = {name: column[0] for name, column in table.columns.items()}
    assert (found["checking_account"], found["purpose"]) == ("below 0", "radio or television")
    assert (found["credit_amount"], found["sex"], found["marriage"]) == (1169, "female", None)
    assert np.isnan(found["bills"]).all()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([APPLICATION.replace("A43", "A99")], r"line 1: column 'purpose': 'A99' is no code"),
        ([APPLICATION[:-1] + "3"], r"line 1: the last column is 1 for good, 2 for bad"),
        ([APPLICATION, "A11,6"], r"line 2: 2 fields, expected are 21"),
        ([",".join(NAMES), HOLDER[:-1] + "2"], r"line 2: the last column is 1 for default"),
        ([",".join(NAMES[:-1]), HOLDER[:-2]], r"no column 'default.payment.next.month' or"),
    ],
)
def test_unsuitable_files_are_refused_by_line(lines: list[str], message: str) -> None:
    """Each fault is named where it is."""
    with pytest.raises(DataError, match=message):
        load(_source(*lines))


@pytest.mark.parametrize("name", UNUSED)
def test_model_never_sees_who_somebody_is(name: str) -> None:
    """Sex, age, marriage, education and nationality do not change a single feature."""
    one, other = (_matrix({**AMOUNT, name: value}) for value in UNUSED[name])
    assert np.array_equal(one, other)


def test_features_are_what_their_names_say() -> None:
    """Utilisation by limit, a payment by the bill of the month before, delays without the latest month."""
    matrix = _matrix(
        {
            **AMOUNT,
            "payment_status": [3.0, 0.0, 2.0, 1.0, -1.0, -2.0],
            "bills": [25000.0, 10000.0, 0.0, 0.0, 0.0, 0.0],
            "payments": [5000.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        }
    )
    expected = {
        "utilisation_1": 0.5,
        "share_paid_1": 0.5,
        "longest_delay": 2,
        "months_late": 2,
        "sum_of_delays": 3,
        "months_unused": 1,
        "months_paid": 1,
        "months_revolving": 1,
        "months_without_payment": 5,
    }
    assert {name: _value(matrix, name) for name in expected} == pytest.approx(expected)


def test_a_group_left_out_leaves_its_features_alone() -> None:
    """Without an application, no feature of one varies with the amount; so occlusion skips its groups."""
    small, large = _matrix(AMOUNT), _matrix({"credit_amount": 900000.0})
    changed = {FEATURES[column] for column in np.flatnonzero(small[0] != large[0])}
    assert changed == {"log_amount"}


def test_reasons_are_the_strongest_that_matter() -> None:
    """The strongest first, nothing that lowers the risk, and none where too little is gained."""
    gains = np.zeros((2, len(GROUPS)), np.float32)
    codes = list(GROUPS)
    gains[0, [codes.index("balance"), codes.index("payments")]] = 0.1, 0.2
    gains[1, [0, 1, 2]] = -0.3, 0.004, 0.0
    answer = respond({"probabilities": np.array([[0.4, 0.6], [0.9, 0.1]]), "contributions": gains})
    assert answer["probability_of_default"].tolist() == [0.6, 0.1]
    assert answer["reasons"].tolist() == [["payments", "balance", "none"], ["none"] * 3]


def test_simulation_is_the_same_for_the_same_seed() -> None:
    """And another for another; defaults are few, as they should be."""
    first, again, other = simulate(1, holders=200), simulate(1, holders=200), simulate(2, holders=200)
    assert first.data.digest == again.data.digest != other.data.digest
    assert 0.05 < first.target.mean() < 0.4


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the public data are not here")
def test_logistic_regression_alone_clears_the_bar_on_taiwan() -> None:
    """The features carry the signal: even the simplest candidate ranks held-out holders well."""
    table = RECIPE.load(read_source(str(DATA / "taiwan_default_train.csv.gz")))
    matrix, fold = handler.contract.matrix(table.columns), RECIPE.splitter.hold_out(table)
    fitted = RECIPE.candidates[0].fit(matrix[fold.train], table.take(fold.train), seed=0)
    predicted = handler.contract.respond(fitted.predict(matrix[fold.test]))
    assert RECIPE.metrics(table.target[fold.test], predicted)["roc_auc"] > 0.76
