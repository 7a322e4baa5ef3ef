"""Contributions beside those of the shap package, on the same models and the same background."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from maas.explain.budget import Budget
from maas.explain.explainer import Explainer
from maas.explain.options import Options
from tests.explained import (
    BACKGROUND,
    POINTS,
    PROBABLE,
    TOWERS,
    WIDTH,
    answers,
    as_they_are,
    by_part,
    classification_model,
    imported_shap,
    in_order,
    one_hot_and_mean,
    points,
    regression_model,
    towers,
)

TABLE = points(300)
MATRIX = as_they_are(TABLE)
TRUTH = answers(MATRIX)
ASKED = points(4, seed=1)
ASKED_MATRIX = as_they_are(ASKED)
NAMES = [f"numbers[{place}]" for place in range(WIDTH)]
shap = imported_shap()

REGRESSORS = {
    "random forest": RandomForestRegressor(12, max_depth=6, random_state=0),
    "extra trees": ExtraTreesRegressor(8, max_leaf_nodes=40, random_state=0),
    "boosted trees": HistGradientBoostingRegressor(max_iter=25, early_stopping=False, random_state=0),
}
CLASSIFIERS = {
    "random forest": RandomForestClassifier(12, max_depth=6, random_state=0),
    "boosted trees": HistGradientBoostingClassifier(max_iter=25, early_stopping=False, random_state=0),
}


def of_shap(make: Callable[[], Any], matrix: NDArray[Any] = ASKED_MATRIX) -> tuple[Any, Any]:
    """Values and expected value of one of shap's explainers, which warn of NumPy's changes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = make()
        return np.asarray(explainer.shap_values(matrix)), explainer.expected_value


def test_linear_contributions_are_those_of_shap() -> None:
    """Coefficients out of the graph give what LinearExplainer gives, to the sixth digit."""
    ridge = Ridge(1.0).fit(MATRIX, TRUTH)
    expected, base = of_shap(lambda: shap.LinearExplainer(ridge, MATRIX[:BACKGROUND].astype(np.float64)))
    accounts = Explainer(regression_model(ridge, POINTS, TABLE)).explain(ASKED)
    for row, account in enumerate(accounts):
        assert (account.method, account.exact, account.scale) == ("linear", True, "answer")
        np.testing.assert_allclose(in_order(account.content, NAMES), expected[row], atol=1e-6)
        assert account.base_value == pytest.approx(float(base), abs=1e-6)


def test_logistic_contributions_are_those_of_shap_in_log_odds() -> None:
    """Behind a scaler and a logistic link, contributions are to the log-odds."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(MATRIX, TRUTH > 0)
    scaled = pipeline[0].transform(MATRIX[:BACKGROUND].astype(np.float64))
    asked = pipeline[0].transform(as_they_are(ASKED).astype(np.float64))
    expected, base = of_shap(lambda: shap.LinearExplainer(pipeline[1], scaled), asked)
    accounts = Explainer(classification_model(pipeline, PROBABLE, TABLE)).explain(ASKED)
    for row, account in enumerate(accounts):
        assert (account.method, account.scale) == ("linear", "log-odds")
        np.testing.assert_allclose(in_order(account.content, NAMES), expected[row], atol=1e-5)
        assert account.base_value == pytest.approx(float(np.ravel(base)[-1]), abs=1e-5)


@pytest.mark.parametrize("name", REGRESSORS)
def test_tree_contributions_are_those_of_shap(name: str) -> None:
    """Leaves as boxes give what interventional TreeSHAP gives."""
    forest = REGRESSORS[name].fit(MATRIX, TRUTH)
    expected, base = of_shap(
        lambda: shap.TreeExplainer(forest, data=MATRIX[:BACKGROUND], feature_perturbation="interventional")
    )
    accounts = Explainer(regression_model(forest, POINTS, TABLE)).explain(ASKED)
    for row, account in enumerate(accounts):
        assert (account.method, account.exact) == ("trees", True)
        np.testing.assert_allclose(in_order(account.content, NAMES), expected[row], atol=1e-6)
        assert account.base_value == pytest.approx(float(np.ravel(base)[0]), abs=1e-5)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_tree_classifiers_contribute_on_shaps_scale(name: str) -> None:
    """A forest of probabilities adds probabilities, boosted trees add log-odds."""
    forest = CLASSIFIERS[name].fit(MATRIX, TRUTH > 0)
    expected, _ = of_shap(
        lambda: shap.TreeExplainer(forest, data=MATRIX[:BACKGROUND], feature_perturbation="interventional")
    )
    if expected.ndim == 3:
        expected = expected[:, :, 1]
    accounts = Explainer(classification_model(forest, PROBABLE, TABLE)).explain(ASKED)
    for row, account in enumerate(accounts):
        assert account.scale == ("answer" if name == "random forest" else "log-odds")
        np.testing.assert_allclose(in_order(account.content, NAMES), expected[row], atol=1e-6)


def test_every_coalition_gives_the_exact_values_of_shap() -> None:
    """Where few parts differ, all coalitions are computed, through the graph: shap's ExactExplainer."""
    network = MLPRegressor(hidden_layer_sizes=(8,), max_iter=800, random_state=0, tol=1e-3).fit(MATRIX, TRUTH)
    model = regression_model(network, POINTS, TABLE, summed=False)
    background = shap.maskers.Independent(MATRIX[:BACKGROUND], max_samples=BACKGROUND)

    def predict(matrix: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(model.whole(np.ascontiguousarray(matrix, np.float32))["guess"][:, 0], np.float64)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = shap.explainers.ExactExplainer(predict, background)(as_they_are(ASKED))
    accounts = Explainer(model).explain(ASKED, Options(samples=512))
    for row, account in enumerate(accounts):
        assert (account.method, account.exact) == ("coalitions", True)
        np.testing.assert_allclose(in_order(account.content, NAMES), expected.values[row], atol=1e-5)


def test_samples_are_within_the_reported_errors_of_shap() -> None:
    """A forest of many players: four reported errors contain what TreeSHAP finds, and mean something."""
    forest = REGRESSORS["random forest"].fit(MATRIX, TRUTH)
    expected, _ = of_shap(
        lambda: shap.TreeExplainer(forest, data=MATRIX[:BACKGROUND], feature_perturbation="interventional")
    )
    model = regression_model(forest, POINTS, TABLE, summed=False)
    inside, near = [], []
    # So few samples that enumerating would cost more.
    for row, account in enumerate(Explainer(model).explain(ASKED, Options("sampling", samples=64))):
        assert account.method == "sampling"
        errors = {one["part"]: one["error"] for one in account.content["attributions"]}
        found = in_order(account.content, NAMES)
        apart = np.abs(found - expected[row])
        error = np.array([errors[f"[{place}]"] for place in range(WIDTH)])
        inside += (apart <= 4 * error).tolist()
        near.append(error.max() / np.abs(expected[row]).max())
    assert all(inside)
    assert max(near) < 0.2


def test_features_of_one_field_count_as_one_player() -> None:
    """The columns of a choice share what shap gives to each of them, and a list's mean is its elements'."""
    table, asked = towers(300), towers(3, seed=1)
    ridge = Ridge(1.0).fit(one_hot_and_mean(table), answers(one_hot_and_mean(table)))
    matrix = one_hot_and_mean(table)[:BACKGROUND].astype(np.float64)
    expected, _ = of_shap(lambda: shap.LinearExplainer(ridge, matrix), one_hot_and_mean(asked))
    for row, account in enumerate(Explainer(regression_model(ridge, TOWERS, table)).explain(asked)):
        found = by_part(account.content)
        assert account.method == "linear"
        assert found["kind"] == pytest.approx(expected[row, :3].sum(), abs=1e-5)
        assert found["width"] == pytest.approx(expected[row, 3], abs=1e-5)
        steps = sum(found[f"steps[{place}]"] for place in range(3))
        assert steps == pytest.approx(expected[row, 5], abs=1e-5)


def test_trees_over_mixed_features_are_not_taken_for_exact() -> None:
    """A split on the mean of three elements belongs to none of them: such a forest is sampled."""
    table, asked = towers(300), towers(2, seed=1)
    forest = REGRESSORS["random forest"].fit(one_hot_and_mean(table), answers(one_hot_and_mean(table)))
    model = regression_model(forest, TOWERS, table)
    for account in Explainer(model, make_budget=lambda _, samples: Budget(10.0, samples)).explain(
        asked, Options(samples=48)
    ):
        assert account.method in {"sampling", "coalitions"}
        assert sum(by_part(account.content).values()) == pytest.approx(account.value - account.base_value)
