"""What training leaves for explanations: sums read out of graphs, a background, global importance."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import orjson
import pytest
from onnx import TensorProto, helper, numpy_helper
from pydantic import Field
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.errors import BrokenArtifact
from maas.explain.form import Form, Forms
from maas.manifest import DataSource
from maas.runtime import Session
from models import tree_boxes
from models.additive import additive
from models.baseline import Mean
from models.evaluation import regression_metrics
from models.explanation import BACKGROUND_ROWS, explained
from models.export import average, converted, exponential, rescaled, side_by_side
from models.forest import pack, prune
from models.job import train
from models.recipe import Recipe
from models.scikit import Regressor
from models.table import Table
from models.validation import Grouped
from tests.explained import answers, as_they_are, points
from tests.trained_models import trained

MATRIX = as_they_are(points(200))
TRUTH = answers(MATRIX)
FEW = {"max_iter": 8, "early_stopping": False, "random_state": 0}


def _fit(estimator: Any, truth: Any = TRUTH) -> Any:
    return estimator.fit(MATRIX, truth)


def _graph(estimator: Any, *outputs: str, truth: Any = TRUTH) -> Any:
    return converted(_fit(estimator, truth), MATRIX.shape[1], outputs or ["guess"])


def _probabilities(estimator: Any, classes: int = 2) -> Any:
    graph = _graph(
        estimator, "label", "probabilities", truth=np.digitize(TRUTH, np.linspace(-1, 1, classes - 1))
    )
    del graph.graph.output[0]
    return graph


RIDGE = make_pipeline(StandardScaler(), Ridge(1.0))
SUMS: dict[str, Callable[[], Any]] = {
    "ridge": lambda: _graph(RIDGE),
    "ridge of a change, in units": lambda: rescaled(_graph(RIDGE), 60.0, 2),
    "mean of ridge and forest": lambda: average(
        [_graph(RIDGE), _graph(RandomForestRegressor(3, max_depth=4, random_state=0))]
    ),
    "two side by side": lambda: side_by_side([_graph(RIDGE, "one"), _graph(Ridge(9.0), "two")]),
    "forest": lambda: _graph(RandomForestRegressor(5, max_depth=5, random_state=0)),
    "packed forest": lambda: pack(_graph(RandomForestRegressor(5, max_depth=5, random_state=0))),
    "half a forest": lambda: pack(prune(_graph(RandomForestRegressor(6, max_depth=5, random_state=0)), 0.5)),
    "boosted": lambda: _graph(HistGradientBoostingRegressor(**FEW)),
    "packed boosted": lambda: pack(_graph(HistGradientBoostingRegressor(**FEW))),
    "logarithm of boosted": lambda: exponential(
        _graph(HistGradientBoostingRegressor(loss="poisson", **FEW), truth=np.exp(TRUTH / 4))
    ),
    "logistic": lambda: _probabilities(make_pipeline(StandardScaler(), LogisticRegression())),
    "boosted classes": lambda: _probabilities(HistGradientBoostingClassifier(**FEW)),
    "packed boosted classes": lambda: pack(_probabilities(HistGradientBoostingClassifier(**FEW))),
    "forest of classes": lambda: _probabilities(RandomForestClassifier(5, max_depth=4, random_state=0)),
    "packed forest of classes": lambda: pack(
        _probabilities(ExtraTreesClassifier(5, max_depth=4, random_state=0))
    ),
    "forest of three classes": lambda: _probabilities(
        RandomForestClassifier(5, max_depth=4, random_state=0), 3
    ),
}
NO_SUMS: dict[str, Callable[[], Any]] = {
    "network": lambda: _graph(
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=6, tol=1e9, n_iter_no_change=4, random_state=0)
    ),
    "logistic of three": lambda: _probabilities(LogisticRegression(), 3),
    "boosted of three": lambda: _probabilities(HistGradientBoostingClassifier(**FEW), 3),
    "mean of exponentials": lambda: average(
        [
            exponential(_graph(HistGradientBoostingRegressor(loss="poisson", **FEW), truth=np.exp(TRUTH / 4)))
            for _ in range(2)
        ]
    ),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_are_read_out_of_the_graph(name: str) -> None:
    """Every output's columns, computed from what was read, are what ONNX Runtime computes; stored or not."""
    graph = bytes(SUMS[name]().SerializeToString())
    outputs = Session(graph).run(MATRIX)
    found = additive(graph)
    assert set(found) == set(outputs)
    for output, columns in found.items():
        values = outputs[output].reshape(len(MATRIX), -1)
        assert len(columns) == values.shape[1]
        for place, column in enumerate(columns):
            again = Forms.from_bytes(Forms({"it": column.form()}).to_bytes()).get("it")
            assert again is not None
            np.testing.assert_allclose(again.answer(MATRIX), values[:, place], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NO_SUMS)
def test_what_is_no_sum_is_not_taken_for_one(name: str) -> None:
    """Networks, several classes behind one softmax, means of exponentials."""
    assert additive(bytes(NO_SUMS[name]().SerializeToString())) == {}


def test_trees_of_something_else_than_features_are_left_alone() -> None:
    """A forest behind a scaler compares scaled values: its bounds are not on the features."""
    pipeline = make_pipeline(StandardScaler(), RandomForestRegressor(3, max_depth=3, random_state=0))
    assert additive(bytes(_graph(pipeline).SerializeToString())) == {}


def test_a_forest_too_large_to_explain_in_time_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted before its bounds are made."""
    monkeypatch.setattr(tree_boxes, "MOST_LEAVES", 20)
    assert additive(bytes(SUMS["forest"]().SerializeToString())) == {}


def test_stored_sums_are_the_same_bytes_and_read_with_care() -> None:
    """Equal sums give equal bytes; damaged ones and pickles are refused."""
    form = additive(bytes(SUMS["forest"]().SerializeToString()))["guess"][0].form()
    data = Forms({"it": form}).to_bytes()
    assert data == Forms({"it": form}).to_bytes()
    for broken in (b"", b"PK\x03\x04", data[: len(data) // 2], b"\x80\x04N."):
        with pytest.raises(BrokenArtifact):
            Forms.from_bytes(broken)
    unknown = Forms({"it": Form(form.weights, 0.0, None, "root")}).to_bytes()  # type: ignore[arg-type]
    with pytest.raises(BrokenArtifact):
        Forms.from_bytes(unknown)


class House(Record):
    """A choice, two numbers of which one is not used, and a time-like series that may be shorter."""

    kind: Literal["flat", "hut"]
    area: float = Field(ge=0, le=1000)
    owner_age: float | None = Field(default=None, ge=0, le=120)
    prices: list[float] = Field(min_length=1, max_length=4)


class Price(Prediction):
    """A number."""

    price: float


def _house_features(records: Columns) -> Matrix:
    return np.column_stack(
        [records["kind"] == "hut", records["area"], np.nanmean(records["prices"], axis=1)]
    ).astype(np.float32)


HOUSES: Endpoint[House, Price] = Endpoint(
    "houses", House, Price, _house_features, feature_names=("hut", "area", "price")
)


def _houses(seed: int, count: int = 400, *, short: bool = True) -> Table:
    source = np.random.default_rng(seed)
    prices = source.normal(50, 5, (count, 4))
    if short:
        prices[::3, 2:] = np.nan
    columns: Columns = {
        "kind": np.array(["flat", "hut"], object)[source.integers(2, size=count)],
        "area": source.gamma(2, 40, count),
        "owner_age": source.uniform(20, 80, count),
        "prices": prices,
    }
    truth = columns["area"] * (1 + (columns["kind"] == "hut")) + np.nanmean(prices, axis=1)
    data = DataSource(name="houses", source="made up", digest="0" * 64, rows=count, simulated=True)
    return Table(columns=columns, target=truth, data=data)


def _recipe(estimator: Callable[[int], Any], *, short: bool = True) -> Recipe:
    return Recipe(
        endpoint=HOUSES,
        title="Houses",
        summary="Prices of houses.",
        load=lambda _: _houses(0),
        sample=lambda seed: _houses(seed, short=short),
        candidates=(Regressor("the one", "price", estimator),),
        splitter=Grouped(n_folds=2, held_out=0.25),
        baseline=Mean("price"),
        metrics=regression_metrics("price"),
        score="rmse",
        parity_tolerance=0.5,
    )


def test_the_background_stands_for_the_data() -> None:
    """Its mean answer is that of all rows, and it has records of every size of answer."""
    recipe = _recipe(lambda seed: RandomForestRegressor(5, max_depth=5, random_state=seed))
    model = train(recipe)
    contract = HOUSES.contract
    background = contract.parse(orjson.loads(model.blobs[0])["instances"])
    assert len(background["area"]) == BACKGROUND_ROWS
    session = Session(model.artifact)
    of_few, of_all = (
        session.run(contract.matrix(columns))["price"] for columns in (background, _houses(0).columns)
    )
    assert of_few.mean() == pytest.approx(of_all.mean(), rel=0.02)
    np.testing.assert_allclose(
        np.quantile(of_few, [0.1, 0.5, 0.9]), np.quantile(of_all, [0.1, 0.5, 0.9]), rtol=0.1
    )


def test_what_no_feature_is_made_of_is_not_kept() -> None:
    """The owners' ages are in the table, and not in the background."""
    model = train(_recipe(lambda _: Ridge()))
    instances = orjson.loads(model.blobs[0])["instances"]
    assert {one["owner_age"] for one in instances} == {None}
    assert len({one["area"] for one in instances}) > 32


def test_importance_ranks_what_moves_the_answer() -> None:
    """Area before kind before the rest; lists of several lengths count as one; an unused field not at all."""
    found = train(_recipe(lambda seed: RandomForestRegressor(5, max_depth=6, random_state=seed)))
    told = found.manifest.explanation
    assert told is not None
    assert (told.target, told.scale, told.rows) == ("price", "answer", 32)
    ordered = sorted(told.importance, key=lambda name: -told.importance[name])
    assert ordered[:2] == ["area", "kind"]
    assert set(ordered) <= {"area", "kind", "prices"}


def test_a_sum_is_stored_where_it_makes_contributions_exact() -> None:
    """A ridge over features that add up from their fields has its coefficients stored, a network nothing."""
    linear = train(_recipe(lambda _: Ridge(), short=False))
    network = train(
        _recipe(
            lambda seed: MLPRegressor(
                hidden_layer_sizes=(4,), max_iter=6, tol=1e9, n_iter_no_change=4, random_state=seed
            )
        )
    )
    told, other = linear.manifest.explanation, network.manifest.explanation
    assert told is not None
    assert other is not None
    assert told.form is not None
    assert other.form is None
    assert linear.manifest.blobs[1:] == (told.background, told.form)
    for blob, data in zip(linear.manifest.blobs[1:], linear.blobs, strict=True):
        blob.verify(data)


def test_training_again_leaves_the_same() -> None:
    """Bytes and figures: what is sampled is sampled by seed and number, not by the clock."""
    one, two = (
        train(_recipe(lambda seed: RandomForestRegressor(4, max_depth=4, random_state=seed)))
        for _ in range(2)
    )
    assert one.blobs == two.blobs
    assert one.manifest.explanation == two.manifest.explanation


def test_credit_risk_is_explained_by_a_graph_without_its_reasons() -> None:
    """Its own graph computes every reason's copy of each row; the one for explanations does not."""
    model = trained("credit_risk")
    told = model.manifest.explanation
    assert told is not None
    assert told.graph is not None
    plain = Session(model.blobs[-1])
    assert plain.outputs == ("probabilities",)


def test_a_fitted_model_whose_plain_graph_lies_is_found_out() -> None:
    """The graph for explanations must give the version's own answers."""
    recipe = _recipe(lambda _: Ridge())
    table = _houses(0)

    class Lying:
        def plain(self) -> bytes:
            weights = numpy_helper.from_array(np.zeros((3, 1), np.float32), "weights")
            graph = helper.make_graph(
                [helper.make_node("MatMul", ["features", "weights"], ["price"])],
                "zero",
                [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 3])],
                [helper.make_tensor_value_info("price", TensorProto.FLOAT, [None, 1])],
                [weights],
            )
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
            return bytes(model.SerializeToString())

    fitted: Any = Lying()
    artifact = train(recipe).artifact
    with pytest.raises(BrokenArtifact, match="other answers"):
        explained(replace(recipe), fitted, artifact, table, table, form="unchanged")
