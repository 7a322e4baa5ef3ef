"""Small tables with known models, for tests of explanations: a contract, data, and a version to explain."""

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from maas.contract import Columns, Contract, Matrix, Prediction, Record
from maas.explain import target
from maas.explain.form import Form, Forms
from maas.explain.model import Model
from maas.runtime import Session
from models.additive import additive
from models.export import converted

BACKGROUND = 32
WIDTH = 6


class Point(Record):
    """Six numbers, each a feature of its own."""

    numbers: list[float] = Field(min_length=WIDTH, max_length=WIDTH)


class Guess(Prediction):
    """A number."""

    guess: float


def as_they_are(records: Columns) -> Matrix:
    return np.asarray(records["numbers"], np.float32)


POINTS = Contract(Point, Guess, as_they_are, feature_names=[f"x{place}" for place in range(WIDTH)])


class Tower(Record):
    """A choice that becomes three features, a list that becomes one, and two numbers that meet in one."""

    kind: Literal["a", "b", "c"]
    width: float
    height: float
    steps: list[float] = Field(min_length=3, max_length=3)


def one_hot_and_mean(records: Columns) -> Matrix:
    kinds = [records["kind"] == name for name in ("a", "b", "c")]
    steps = records["steps"].mean(axis=1)
    return np.column_stack([*kinds, records["width"], records["height"], steps]).astype(np.float32)


TOWERS = Contract(Tower, Guess, one_hot_and_mean, feature_names=["a", "b", "c", "width", "height", "steps"])


def points(count: int, seed: int = 0) -> Columns:
    return {"numbers": np.random.default_rng(seed).normal(size=(count, WIDTH)).round(3)}


def towers(count: int, seed: int = 0) -> Columns:
    source = np.random.default_rng(seed)
    return {
        "kind": np.array(["a", "b", "c"], object)[source.integers(3, size=count)],
        "width": source.normal(size=count),
        "height": source.normal(size=count),
        "steps": source.normal(size=(count, 3)),
    }


def answers(matrix: Matrix) -> NDArray[np.float64]:
    """What the models learn: interactions of pairs, a jump, and noise-free."""
    x = matrix.astype(np.float64)
    made: NDArray[np.float64] = x[:, 0] + x[:, 1] * x[:, 2] - 2 * (x[:, 3] > 0) + x[:, 4] ** 2 * x[:, 5]
    return made


def regression_model(
    estimator: Any, contract: Contract[Any, Any], columns: Columns, *, summed: bool = True
) -> Model:
    """A fitted scikit-learn regressor as a version with the first rows of the columns as its background."""
    graph = converted(estimator, len(contract.feature_names), ["guess"]).SerializeToString()
    return model_of(bytes(graph), contract, columns, summed=summed)


def classification_model(
    estimator: Any, contract: Contract[Any, Any], columns: Columns, *, summed: bool = True
) -> Model:
    """A fitted binary classifier; its answer is the probability of the second class."""
    graph = converted(estimator, len(contract.feature_names), ["label", "probabilities"])
    return model_of(bytes(graph.SerializeToString()), contract, columns, summed=summed)


def second_class(outputs: Columns) -> Columns:
    return {"guess": outputs["probabilities"][:, 1]}


PROBABLE = Contract(Point, Guess, as_they_are, feature_names=POINTS.feature_names, respond=second_class)


def model_of(graph: bytes, contract: Contract[Any, Any], columns: Columns, *, summed: bool) -> Model:
    background = {name: column[:BACKGROUND] for name, column in columns.items()}
    session = Session(graph)
    forms: dict[str, Form] = {}
    if summed:
        matrix = contract.matrix(background)
        wanted = target.numbers(contract, session.run(matrix))["guess"]
        for found in additive(graph).values():
            for column in found:
                if column.form().gives(matrix, wanted):
                    forms["guess"] = column.form()
        assert forms, "the graph is no sum"
    return Model("a test", contract, session, background, forms=Forms(forms))


def imported_shap() -> Any:
    """The shap package, whose own imports warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap
    return shap


def by_part(content: dict[str, Any]) -> dict[str, float]:
    """Contributions by `field` or `field part`."""
    return {one["field"] + one.get("part", ""): one["contribution"] for one in content["attributions"]}


def in_order(content: dict[str, Any], names: list[str]) -> NDArray[np.float64]:
    """Contributions of the named parts."""
    found = by_part(content)
    assert sorted(found) == sorted(names)
    return np.array([found[name] for name in names])
