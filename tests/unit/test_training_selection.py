"""Holding out: by strata, in several parts, and seen by parts of the rows."""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from maas.artifact import digest_of
from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.errors import DataError
from maas.manifest import DataSource
from models.baseline import Mean
from models.card import render
from models.classification import probability_metrics
from models.classifier import Classifier
from models.job import train
from models.recipe import Recipe
from models.slices import slices
from models.table import Table
from models.validation import Stratified

DATA = DataSource(name="t", source="t", digest=digest_of(b"t"), rows=0, simulated=True)
Number = Annotated[float, Field(ge=-100, le=100)]


class Reading(Record):
    """A few numbers, some of which may be missing."""

    first: float = Field(ge=-100, le=100)
    pair: list[Number | None] | None = Field(default=None, min_length=2, max_length=2)


class Answer(Prediction):
    """A probability."""

    probability: float = Field(description="Of one.")


def _features(records: Columns) -> Matrix:
    return np.column_stack([records["first"], np.nan_to_num(records["pair"])]).astype(np.float32)


def _logistic(_: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def _table(seed: int, n: int = 120) -> Table:
    generator = np.random.default_rng(seed)
    first, pair = generator.normal(size=n), generator.normal(size=(n, 2))
    pair[::3] = np.nan
    pair[1::3, 0] = np.nan
    target = (first + generator.normal(0, 0.5, n) > 0).astype(np.int64)
    return Table(columns={"first": first, "pair": pair}, target=target, data=DATA)


RECIPE = Recipe(
    endpoint=Endpoint(
        "reading",
        Reading,
        Answer,
        _features,
        feature_names=("first", "left", "right"),
        respond=lambda outputs: {"probability": outputs["probabilities"][:, 1]},
    ),
    title="Reading",
    summary="Whether it is one.",
    load=lambda _: _table(0),
    sample=_table,
    candidates=(Classifier("logistic", (0, 1), _logistic),),
    splitter=Stratified(n_folds=3, held_out=0.25),
    baseline=Mean("probability"),
    metrics=probability_metrics("probability"),
    score="log_loss",
    parity_tolerance=1e-5,
    slices={"sign": lambda columns: np.where(columns["first"] > 0, "+", "-").astype(object)},
)


@given(
    st.lists(st.sampled_from("abc"), min_size=10, max_size=80),
    st.integers(2, 5),
    st.integers(1, 3),
    st.sampled_from([0.1, 0.25, 0.5]),
)
def test_strata_keep_their_proportions(labels: list[str], n_folds: int, repeats: int, share: float) -> None:
    """Every dealing judges each row once, and no fold has more of a class than its share, within one row."""
    target = np.array(labels, object)
    splitter = Stratified(n_folds=n_folds, held_out=share, repeats=repeats)
    table = Table(columns={}, target=target, data=DATA)
    folds = splitter.folds(table)
    assert len(folds) == n_folds * repeats
    for dealing in range(repeats):
        judged = [fold.test for fold in folds[dealing * n_folds : (dealing + 1) * n_folds]]
        assert np.array_equal(np.sort(np.concatenate(judged)), np.arange(len(labels)))
    parts = [(fold, 1 / n_folds) for fold in folds] + [(splitter.hold_out(table), share)]
    for fold, part in parts:
        assert np.array_equal(np.sort(np.concatenate(fold)), np.arange(len(labels)))
        for label in set(labels):
            assert abs((target[fold.test] == label).sum() - part * (target == label).sum()) <= 1


@given(st.lists(st.integers(0, 12), min_size=30, max_size=60))
def test_strata_never_cut_a_group(groups: list[int]) -> None:
    """Rows of one group are all on one side."""
    labels = np.array(groups)
    table = Table(columns={}, target=labels % 2, data=DATA, groups=labels)
    splitter = Stratified(n_folds=3)
    if len(set(groups)) < 3:
        with pytest.raises(DataError, match="groups for 3 folds"):
            splitter.folds(table)
        return
    for fold in [splitter.hold_out(table), *splitter.folds(table)]:
        assert not set(labels[fold.train]) & set(labels[fold.test])


def test_several_parts_held_out_are_judged_together() -> None:
    """Every row is judged by a model that had not seen it; one part alone judges its own rows only."""
    nested = replace(RECIPE, held_out=Stratified(n_folds=4).folds)
    whole, part = train(nested, seed=3), train(RECIPE, seed=3)
    assert (len(whole.evaluation.table), len(part.evaluation.table)) == (120, 30)
    assert sorted(whole.evaluation.table.columns["first"]) == sorted(_table(3).columns["first"])
    assert whole.artifact == part.artifact  # both are fitted on all rows in the end
    assert whole.manifest.metrics["accuracy"] > 0.7
    assert whole.manifest.hyperparameters["held_out_rows"] == 120


def test_golden_samples_are_what_a_caller_sends() -> None:
    """A vector left out is null, a hole in one is null inside it; nothing is NaN."""
    instances = train(RECIPE, seed=3).manifest.golden.instances
    pairs = [instance["pair"] for instance in instances]
    assert None in pairs
    assert any(isinstance(pair, list) and pair[0] is None and pair[1] is not None for pair in pairs)
    RECIPE.endpoint.contract.parse(instances)


def test_card_gives_the_figures_of_each_slice() -> None:
    """One row per value with at least thirty rows; too few rows say nothing."""
    trained = train(replace(RECIPE, held_out=Stratified(n_folds=4).folds), seed=3)
    found = slices(RECIPE, trained.evaluation)
    assert [(part.by, part.value) for part in found] == [("sign", "+"), ("sign", "-")]
    assert sum(part.rows for part in found) == 120
    assert "| sign | + |" in render(RECIPE, trained.manifest, {}, found)
    assert slices(RECIPE, train(RECIPE, seed=3).evaluation) == []
