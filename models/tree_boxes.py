"""Trees of ONNX graphs as boxes: each leaf with the bounds on the features that lead to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_LEAVES = 16_000
"""More cannot be explained within the budget of a request."""
_LESS_OR_EQUAL = (b"BRANCH_LEQ", 0)  # the one comparison that scikit-learn's trees use
_KINDS = {"TreeEnsembleRegressor": "target", "TreeEnsembleClassifier": "class"}
_BINARY = 2


@dataclass(frozen=True, eq=False)
class Boxes:
    """As maas.explain.forest.Forest."""

    starts: NDArray[np.int32]
    features: NDArray[np.int32]
    lows: NDArray[np.float32]
    highs: NDArray[np.float32]
    values: NDArray[np.float64]


class Ensemble(NamedTuple):
    """Trees, summed by column.

    Attributes:
        columns: The leaves of each column.
        bases: What is added to each column.
        transform: What the columns go through.
        both_of_one: Whether the one column is the second of two classes.
    """

    columns: list[Boxes]
    bases: list[float]
    transform: bytes
    both_of_one: bool


class _Nodes(NamedTuple):
    """Inner nodes: children are numbers of nodes, or of leaves where the flag says so."""

    features: Sequence[int]
    splits: NDArray[np.float32]
    children: tuple[Sequence[int], Sequence[int]]
    leaves: tuple[Sequence[bool], Sequence[bool]]
    roots: Sequence[int]


def read(operator: str, attributes: Mapping[str, Any], places: Sequence[int]) -> Ensemble | None:
    """The leaves of an ensemble node, or None where they are too many or not of the known kind.

    Args:
        operator: TreeEnsemble, TreeEnsembleRegressor or TreeEnsembleClassifier.
        attributes: The node's.
        places: The feature that each column of the node's input is.
    """
    packed = operator == "TreeEnsemble"
    found = _packed(attributes) if packed else _spelled(attributes, _KINDS[operator])
    if found is None:
        return None
    nodes, weights = found
    if len(weights) > MOST_LEAVES:
        return None
    if attributes.get("aggregate_function", 1 if packed else b"SUM") not in {1, b"SUM"}:
        return None
    both = operator == "TreeEnsembleClassifier" and weights.shape[1] == _BINARY and _one_class(attributes)
    if both:
        weights = weights.sum(axis=1, keepdims=True)
    bounds = _bounds(nodes, len(weights))
    if bounds is None:
        return None
    bases = [float(base) for base in attributes.get("base_values", ())] or [0.0] * weights.shape[1]
    if len(bases) != weights.shape[1]:
        return None
    transform = attributes.get("post_transform", 0 if packed else b"NONE")
    columns = [_boxes(bounds, column, places) for column in weights.T]
    return Ensemble(columns, bases, {0: b"NONE"}.get(transform, transform), both)


def joined(several: Sequence[Boxes]) -> tuple[Any, ...]:
    """The leaves of several ensembles as those of one."""
    offsets = np.cumsum([0, *(len(one.features) for one in several[:-1])])
    starts = [one.starts + offset for one, offset in zip(several, offsets, strict=True)]
    return (
        np.concatenate(starts).astype(np.int32),
        *(np.concatenate([getattr(one, name) for one in several]) for name in _REST),
    )


_REST = ("features", "lows", "highs", "values")

type _Found = tuple[_Nodes, NDArray[np.float64]] | None  # the weights of shape (leaves, columns)


def _one_class(attributes: Mapping[str, Any]) -> bool:
    """Whether of two classes the leaves have weights for one."""
    return len(set(attributes["class_ids"])) == 1


def _packed(attributes: Mapping[str, Any]) -> _Found:
    from onnx import numpy_helper

    if set(numpy_helper.to_array(attributes["nodes_modes"]).tolist()) - {_LESS_OR_EQUAL[1]}:
        return None
    nodes = _Nodes(
        attributes["nodes_featureids"],
        numpy_helper.to_array(attributes["nodes_splits"]).astype(np.float32),
        (attributes["nodes_truenodeids"], attributes["nodes_falsenodeids"]),
        (attributes["nodes_trueleafs"], attributes["nodes_falseleafs"]),
        attributes["tree_roots"],
    )
    targets = np.asarray(attributes["leaf_targetids"], np.intp)
    weights = np.zeros((len(targets), int(attributes["n_targets"])))
    weights[np.arange(len(targets)), targets] = numpy_helper.to_array(attributes["leaf_weights"])
    return nodes, weights


def _spelled(attributes: Mapping[str, Any], kind: str) -> _Found:
    """The older operators: every node spelled out, weights listed by tree and node, several to a leaf."""
    modes = list(attributes["nodes_modes"])
    if set(modes) - {_LESS_OR_EQUAL[0], b"LEAF"}:
        return None
    keys = list(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
    number = {key: place for place, key in enumerate(keys)}
    weighed = zip(attributes[f"{kind}_treeids"], attributes[f"{kind}_nodeids"], strict=True)
    leaf_number: dict[tuple[int, int], int] = {}
    leaf = [leaf_number.setdefault(key, len(leaf_number)) for key in weighed]
    children: tuple[list[int], list[int]] = ([], [])
    leaves: tuple[list[bool], list[bool]] = ([], [])
    for side, name in enumerate(("nodes_truenodeids", "nodes_falsenodeids")):
        for (tree, _), mode, child in zip(keys, modes, attributes[name], strict=True):
            is_leaf = mode != b"LEAF" and modes[number[tree, child]] == b"LEAF"
            children[side].append(leaf_number.get((tree, child), -1) if is_leaf else number[tree, child])
            leaves[side].append(is_leaf)
    first: dict[int, int] = {}
    for place, (tree, _) in enumerate(keys):
        first.setdefault(tree, place)
    if any(modes[place] == b"LEAF" for place in first.values()):
        return None  # a tree of one leaf
    nodes = _Nodes(
        attributes["nodes_featureids"],
        np.asarray(attributes["nodes_values"], np.float32),
        children,
        leaves,
        list(first.values()),
    )
    labels = attributes.get("classlabels_int64s") or attributes.get("classlabels_strings") or ()
    weights = np.zeros((len(leaf_number), int(attributes.get("n_targets", len(labels)))))
    np.add.at(weights, (leaf, list(attributes[f"{kind}_ids"])), attributes[f"{kind}_weights"])
    return nodes, weights


type _Bounds = list[dict[int, tuple[np.float32, np.float32]]]


def _bounds(nodes: _Nodes, count: int) -> _Bounds | None:
    """By leaf: the greatest lower and the least upper bound on each feature on its way."""
    found: list[dict[int, tuple[np.float32, np.float32]] | None] = [None] * count
    low, high = np.float32(-np.inf), np.float32(np.inf)
    pending: list[tuple[int, bool, dict[int, tuple[np.float32, np.float32]]]] = [
        (root, False, {}) for root in nodes.roots
    ]
    while pending:
        place, is_leaf, bounds = pending.pop()
        if is_leaf:
            if place < 0 or found[place] is not None:
                return None
            found[place] = bounds
            continue
        feature, split = nodes.features[place], nodes.splits[place]
        least, most = bounds.get(feature, (low, high))
        for side, narrowed in enumerate(((least, min(most, split)), (max(least, split), most))):
            child = nodes.children[side][place], bool(nodes.leaves[side][place])
            pending.append((*child, {**bounds, feature: narrowed}))
    return None if any(one is None for one in found) else [one for one in found if one is not None]


def _boxes(bounds: _Bounds, weights: NDArray[np.float64], places: Sequence[int]) -> Boxes:
    """The leaves that add something."""
    numbers = np.flatnonzero(weights).tolist()
    lengths = [len(bounds[number]) for number in numbers]
    flat = [(places[feature], *limits) for number in numbers for feature, limits in bounds[number].items()]
    features, lows, highs = zip(*flat, strict=True) if flat else ((), (), ())
    return Boxes(
        np.cumsum([0, *lengths[:-1]], dtype=np.int32),
        np.array(features, np.int32),
        np.array(lows, np.float32),
        np.array(highs, np.float32),
        weights[numbers],
    )
