from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from threadpoolctl import threadpool_limits

from maas.contract import Matrix
from maas.runtime import Session
from models import forest, quantisation
from models.export import converted
from models.job import train
from models.optimise import REWRITES, UNCHANGED, choose, rewrite
from models.scikit import Regressor
from models.traffic_flow.simulation import simulate
from models.traffic_flow.train import RECIPE

WIDTH = 8


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Spinning threads crawl on busy machines, and the graphs are the same."""
    with threadpool_limits(1):
        yield


def _matrix() -> Matrix:
    return np.random.default_rng(0).normal(size=(600, WIDTH)).astype(np.float32)


def _target(matrix: Matrix, classes: int) -> Any:
    value = matrix[:, 0] + matrix[:, 1] ** 2
    return value if classes == 0 else np.digitize(value, np.quantile(value, np.arange(1, classes) / classes))


def _fitted(name: str, classes: int) -> Any:
    """An ONNX ModelProto of a scikit-learn ensemble with twenty iterations, its output called `answer`."""
    import sklearn.ensemble

    kind = getattr(sklearn.ensemble, name)
    count = {"max_iter": 20} if name.startswith("Hist") else {"n_estimators": 20}
    matrix = _matrix()
    estimator = kind(random_state=0, **count).fit(matrix, _target(matrix, classes))
    model = converted(estimator, WIDTH, ["label", "answer"] if classes else ["answer"])
    if classes:
        del model.graph.output[0]
    return model


def _run(model: Any, matrix: Matrix) -> Any:
    onnx.checker.check_model(model)
    return Session(model.SerializeToString()).run(matrix)["answer"]


ENSEMBLES = [
    ("RandomForestRegressor", 0),
    ("ExtraTreesRegressor", 0),
    ("HistGradientBoostingRegressor", 0),
    ("GradientBoostingRegressor", 0),
    ("ExtraTreesClassifier", 2),
    ("RandomForestClassifier", 2),
    ("HistGradientBoostingClassifier", 2),
    ("GradientBoostingClassifier", 2),
    ("HistGradientBoostingClassifier", 3),
]


@pytest.mark.parametrize(("name", "classes"), ENSEMBLES)
def test_packed_trees_answer_the_same_in_half_the_bytes(name: str, classes: int) -> None:
    """Packing loses nothing but bytes, whatever ensemble skl2onnx wrote, on rows it has not seen as well."""
    model = _fitted(name, classes)
    packed = forest.pack(model)
    assert packed is not None
    assert len(packed.SerializeToString()) < len(model.SerializeToString()) / 2
    rows = np.random.default_rng(1).normal(size=(500, WIDTH)).astype(np.float32)
    np.testing.assert_allclose(_run(packed, rows), _run(model, rows), atol=1e-6)


def test_trees_with_several_classes_to_a_leaf_are_left_as_they_are() -> None:
    """The packed form has one target to a leaf: a forest of three classes does not fit into it."""
    assert forest.pack(_fitted("RandomForestClassifier", 3)) is None


def test_labels_in_use_keep_a_classifier_as_it_is() -> None:
    """The packed form knows no labels, so a graph that answers with them is not packed."""
    from sklearn.ensemble import RandomForestClassifier

    matrix = _matrix()
    estimator = RandomForestClassifier(3, random_state=0).fit(matrix, _target(matrix, 2))
    assert forest.pack(converted(estimator, WIDTH, ["label", "answer"])) is None


def test_a_pruned_forest_is_the_forest_of_its_first_trees() -> None:
    """Half a forest answers what a forest with half the trees, grown from the same seed, answers."""
    from sklearn.ensemble import RandomForestRegressor

    matrix = _matrix()
    pruned = forest.prune(_fitted("RandomForestRegressor", 0), 0.5)
    half = RandomForestRegressor(10, random_state=0).fit(matrix, _target(matrix, 0))
    np.testing.assert_allclose(_run(pruned, matrix).reshape(-1), half.predict(matrix), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_pruned_boosting_is_its_earlier_iteration(classes: int) -> None:
    """Half of the iterations, for each class alike: what the same method had found by then."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    matrix = _matrix()
    pruned = forest.prune(_fitted("HistGradientBoostingClassifier", classes), 0.5)
    half = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(matrix, _target(matrix, classes))
    np.testing.assert_allclose(_run(pruned, matrix), half.predict_proba(matrix), atol=1e-5)


def test_one_tree_is_not_pruned() -> None:
    """Nothing is left of a single tree but itself."""
    from sklearn.tree import DecisionTreeRegressor

    matrix = _matrix()
    tree = DecisionTreeRegressor(random_state=0).fit(matrix, _target(matrix, 0))
    assert forest.prune(converted(tree, WIDTH, ["answer"]), 0.5) is None


def _network(scale: float = 1.0) -> Any:
    """Convolution, Gemm with a transposed weight and MatMul, all with large weights."""
    generator = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> Any:
        fan_in = np.prod(shape[1:])
        return numpy_helper.from_array(
            (scale * generator.normal(size=shape) / np.sqrt(fan_in)).astype(np.float32), name
        )

    nodes = [
        helper.make_node("Reshape", ["features", "shape"], ["image"]),
        helper.make_node("Conv", ["image", "filters"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["maps"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense"], ["hidden"], transB=1),
        helper.make_node("MatMul", ["hidden", "last"], ["answer"]),
    ]
    tensors = [
        numpy_helper.from_array(np.array([-1, 1, 4, 4], np.int64), "shape"),
        weight("filters", 32, 1, 3, 3),
        weight("dense", 24, 512),
        weight("last", 24, 20),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 16])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, 20])],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize(
    ("store", "share", "error"),
    [(quantisation.half_weights, 0.55, 1e-3), (quantisation.byte_weights, 0.35, 2e-2)],
    ids=["float16", "int8"],
)
def test_fewer_bits_are_fewer_bytes_and_nearly_the_same_answers(
    store: Any, share: float, error: float
) -> None:
    """Weights of each kind of layer shrink to half and to a quarter, each channel by itself."""
    model = _network()
    smaller = store(model)
    assert len(smaller.SerializeToString()) < share * len(model.SerializeToString())
    rows = np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)
    expected = _run(model, rows)
    assert np.abs(_run(smaller, rows) - expected).max() < error * np.abs(expected).max()
    assert _run(smaller, rows[:1]).shape == (1, 20)


def test_weights_beyond_float16_stay_as_they_are() -> None:
    """A weight that would become infinite is not stored as float16."""
    assert quantisation.half_weights(_network(scale=1e7)) is None


def test_rewrites_leave_alone_what_they_do_not_apply_to() -> None:
    """A graph without trees and one without large weights come back byte for byte."""
    network = _network().SerializeToString()
    trees = _fitted("HistGradientBoostingRegressor", 0).SerializeToString()
    assert rewrite(network, "packed trees") == rewrite(network, UNCHANGED) == network
    assert rewrite(trees, "int8 weights") == rewrite(trees, "float16 weights") == trees


SIZES = {UNCHANGED: 100, "a": 50, "b": 20, "c": 10}


@pytest.mark.parametrize(
    ("greater", "budget", "scores", "expected"),
    [
        (False, None, (10.0, 10.05, 10.09, 10.2), "b"),
        (False, None, (10.0, 9.0, 9.08, 10.0), "b"),
        (True, None, (0.95, 0.9485, 0.947, 0.6), "a"),
        (True, 0.01, (0.95, 0.9485, 0.947, 0.6), "b"),
        (False, 0.0, (10.0, 10.0, 10.1, 10.2), "a"),
    ],
    ids=["one per cent of an error", "of the best, not of the unchanged", "points", "own budget", "nothing"],
)
def test_the_smallest_within_the_budget_is_kept(
    greater: bool,  # noqa: FBT001
    budget: float | None,
    scores: tuple[float, ...],
    expected: str,
) -> None:
    """An error may grow by a share, a score may fall by points; measured from the best variant."""
    recipe = replace(RECIPE, greater_is_better=greater, optimise_budget=budget)
    assert choose(recipe, SIZES, dict(zip(SIZES, scores, strict=True))) == expected


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(12, max_leaf_nodes=200, random_state=seed)


def _stumps(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(12, max_leaf_nodes=40, random_state=seed)


def test_a_small_file_loses_nothing() -> None:
    """Where a forest is small as it is, only its packed form is tried, which is the same forest."""
    recipe = replace(
        RECIPE,
        sample=lambda seed: simulate(seed, days=40),
        candidates=[Regressor("forest", "vehicles_per_hour", _stumps)],
    )
    variants = train(recipe).manifest.optimisation
    assert [(one.name, one.chosen) for one in variants] == [(UNCHANGED, False), ("packed trees", True)]


def test_training_publishes_the_variant_and_records_them_all() -> None:
    """The artifact is the chosen kind of the refitted model; the figures are those of the kind chosen."""
    recipe = replace(
        RECIPE,
        sample=lambda seed: simulate(seed, days=40),
        candidates=[Regressor("forest", "vehicles_per_hour", _forest)],
    )
    small, plain = train(recipe), train(replace(recipe, optimise=False))
    variants = {variant.name: variant for variant in small.manifest.optimisation}
    assert set(variants) == {UNCHANGED, *(name for name in REWRITES if "trees" in name)}
    (chosen,) = [variant for variant in variants.values() if variant.chosen]
    assert chosen.name != UNCHANGED
    assert chosen.score == small.manifest.metrics["rmse"]
    assert variants["packed trees"].score == pytest.approx(variants[UNCHANGED].score, rel=1e-5)
    assert small.artifact == rewrite(plain.artifact, chosen.name)
    assert [variant.name for variant in plain.manifest.optimisation] == [UNCHANGED]
