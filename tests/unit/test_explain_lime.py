"""The local surrogate, beside the lime package and beside models that are linear anyway."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge

from maas.explain.explainer import Explainer
from maas.explain.options import Options
from tests.explained import (
    BACKGROUND,
    POINTS,
    WIDTH,
    answers,
    as_they_are,
    in_order,
    points,
    regression_model,
)

TABLE = points(400)
MATRIX = as_they_are(TABLE)
NAMES = [f"numbers[{place}]" for place in range(WIDTH)]
LIME = Options("lime", samples=256)


def test_a_linear_model_is_its_own_surrogate() -> None:
    """Keeping a number adds what it is above the background's mean, times its coefficient."""
    ridge = Ridge(0.1).fit(MATRIX, answers(MATRIX))
    asked = points(3, seed=2)
    for row, account in enumerate(Explainer(regression_model(ridge, POINTS, TABLE)).explain(asked, LIME)):
        away = asked["numbers"][row] - MATRIX[:BACKGROUND].mean(axis=0)
        expected = away * ridge.coef_
        found = in_order(account.content, NAMES)
        errors = {one["part"]: one["error"] for one in account.content["attributions"]}
        error = np.array([errors[f"[{place}]"] for place in range(WIDTH)])
        assert (np.abs(found - expected) <= 4 * error + 0.02).all()
        assert account.method == "lime"
        assert not account.exact


def test_signs_and_ranks_are_those_of_the_lime_package() -> None:
    """On an additive forest both name the same two strongest numbers, and agree in their direction."""
    truth = 3.0 * MATRIX[:, 0] - 2.0 * MATRIX[:, 3] + 0.2 * MATRIX[:, 1]
    forest = RandomForestRegressor(20, max_depth=6, random_state=0).fit(MATRIX, truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lime.lime_tabular import LimeTabularExplainer

        theirs = LimeTabularExplainer(MATRIX, mode="regression", random_state=0)
    asked = {"numbers": np.array([[1.5, 0.1, 0.2, -1.5, 0.0, 0.3], [-1.2, 0.3, 0.1, 1.4, 0.2, -0.1]])}
    explainer = Explainer(regression_model(forest, POINTS, TABLE))
    for row, account in enumerate(explainer.explain(asked, LIME)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = theirs.explain_instance(asked["numbers"][row], forest.predict, num_features=WIDTH)
        weights = dict(found.as_map()[1])
        ours = in_order(account.content, NAMES)
        strongest = sorted(range(WIDTH), key=lambda place: -abs(ours[place]))[:2]
        assert set(strongest) == {0, 3} == set(sorted(weights, key=lambda place: -abs(weights[place]))[:2])
        assert all(np.sign(ours[place]) == np.sign(weights[place]) for place in (0, 3))


def test_fit_says_how_far_to_trust_it() -> None:
    """1 for a linear model against one background record, below where players interact."""
    asked, single = points(1, seed=4), {"numbers": np.repeat(TABLE["numbers"][:1], 400, axis=0)}
    fits = []
    for estimator in (Ridge(0.1), RandomForestRegressor(20, random_state=0)):
        fitted = estimator.fit(MATRIX, answers(MATRIX))
        (account,) = Explainer(regression_model(fitted, POINTS, single, summed=False)).explain(asked, LIME)
        assert account.fit is not None
        fits.append(account.fit)
    assert fits[0] == pytest.approx(1, abs=0.01)
    assert fits[1] < 0.95


def test_cost_is_bounded() -> None:
    """Eight records for each sample asked for, and never more than 4096."""
    model = regression_model(Ridge().fit(MATRIX, answers(MATRIX)), POINTS, TABLE)
    for samples, most in ((2, 16), (512, 4096)):
        (account,) = Explainer(model).explain(points(1, seed=3), Options("lime", samples=samples))
        assert most / 2 < account.evaluations <= most
    again, once = (Explainer(model).explain(points(1, seed=3), LIME)[0] for _ in range(2))
    assert again.content == once.content


def test_without_a_difference_there_is_nothing_to_fit() -> None:
    """A record that is the whole background: every part contributes 0, and the intercept is the answer."""
    same = {"numbers": np.repeat(TABLE["numbers"][:1], 400, axis=0)}
    model = regression_model(Ridge().fit(MATRIX, answers(MATRIX)), POINTS, same)
    (account,) = Explainer(model).explain({"numbers": same["numbers"][:1]}, LIME)
    assert not in_order(account.content, NAMES).any()
    assert account.base_value == pytest.approx(account.value)
