from typing import Any

import numpy as np
import pytest

from maas.artifact import digest_of
from maas.errors import ParityError
from maas.manifest import DataSource
from maas.runtime import Session
from models.candidate import Candidate
from models.export import parity
from models.scikit import Blend, Regressor
from models.table import Table


def _linear(_: int) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def _boosted(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(loss="poisson", max_iter=15, random_state=seed)


LINEAR = Regressor("linear", "count", _linear)
POISSON = Regressor("boosted", "count", _boosted, log_link=True)


def _rows() -> tuple[np.ndarray[Any, Any], Table]:
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(300, 3)).astype(np.float32)
    data = DataSource(name="t", source="t", digest=digest_of(b""), rows=300, simulated=True)
    return matrix, Table(columns={}, target=generator.poisson(np.exp(1 + matrix[:, 0])) + 0.0, data=data)


@pytest.mark.parametrize(
    "candidate", [LINEAR, POISSON, Blend("blend", (LINEAR, POISSON))], ids=["linear", "poisson", "blend"]
)
def test_export_is_the_fitted_model(candidate: Candidate) -> None:
    """The ONNX file has one input, an output named like the field, and the fitted model's answers."""
    matrix, table = _rows()
    fitted = candidate.fit(matrix, table, seed=1)
    artifact = fitted.to_onnx()
    session = Session(artifact)
    assert (session.outputs, session.width) == (("count",), 3)
    assert np.allclose(session.run(matrix)["count"].ravel(), fitted.predict(matrix)["count"], atol=1e-4)
    assert session.run(matrix[:1])["count"].size == 1
    assert parity(fitted, artifact, matrix, 1e-4).rows == 300


def test_parity_finds_a_wrong_export() -> None:
    """An export without the inverse link, as skl2onnx makes it, is refused."""
    matrix, table = _rows()
    fitted = POISSON.fit(matrix, table, seed=1)
    planted = Regressor("boosted", "count", _boosted).fit(matrix, table, seed=1).to_onnx()
    with pytest.raises(ParityError, match="differs by up to"):
        parity(fitted, planted, matrix, 0.01)


def test_parity_finds_an_output_of_another_name() -> None:
    """Outputs are compared by name, since the contract reads them by name."""
    matrix, table = _rows()
    other = Regressor("linear", "speed", _linear).fit(matrix, table, seed=1)
    with pytest.raises(ParityError, match=r"\['speed'\]"):
        parity(LINEAR.fit(matrix, table, seed=1), other.to_onnx(), matrix, 1.0)


def test_a_row_limit_draws_the_same_rows_for_a_seed() -> None:
    """A bounded method sees as many rows as it says, chosen by the seed alone."""
    matrix, table = _rows()
    few = Regressor("few", "count", _linear, rows=20)
    answers = [few.fit(matrix, table, seed=seed).predict(matrix)["count"] for seed in (1, 1, 2)]
    assert np.array_equal(answers[0], answers[1])
    assert not np.allclose(answers[0], answers[2])
    assert few.hyperparameters == {"rows": 20}
