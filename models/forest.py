"""Tree ensembles inside ONNX graphs: fewer trees, or the same trees in fewer bytes."""

from typing import Any

import numpy as np

type Attributes = dict[str, Any]

_DOMAIN = "ai.onnx.ml"
_KINDS = {"TreeEnsembleRegressor": "target", "TreeEnsembleClassifier": "class"}
# Operator TreeEnsemble of ai.onnx.ml 5 numbers the modes; BRANCH_MEMBER, its seventh, is not converted to.
_MODES = (b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ")
_PACKED_OPSET = 5
_BINARY = 2


def prune(model: Any, share: float) -> Any | None:
    """Keep the first `share` of every ensemble's trees.

    The sum of a forest that averages (no base value) is scaled up to what all its trees would give; one that
    is boosted (with a base value) is cut off at an earlier iteration. Where trees are for different classes,
    each class keeps the same share.

    Returns:
        A new ModelProto, or None where there is nothing to prune.
    """
    pruned, changed = _copy(model), False
    for node in ensembles(pruned):
        attributes = _attributes(node)
        fewer = None if attributes is None else _pruned(attributes, _KINDS[node.op_type], share)
        if fewer is not None:
            _set(node, fewer)
            changed = True
    return pruned if changed else None


def pack(model: Any) -> Any | None:
    """Write every ensemble as TreeEnsemble of ai.onnx.ml 5: the same trees in a third of the bytes.

    The older operators spell each node's mode out and number nodes and trees explicitly.

    Returns:
        A new ModelProto, or None where there is no ensemble or one that has no such form: several classes
        to a leaf, or labels that are used.
    """
    packed = _copy(model)
    nodes = []
    for node in packed.graph.node:
        replacement = _packed(packed, node) if node.op_type in _KINDS else [node]
        if replacement is None:
            return None
        nodes += replacement
    if not ensembles(packed):
        return None
    kept = [_clone(node) for node in nodes]
    del packed.graph.node[:]
    packed.graph.node.extend(kept)
    for opset in packed.opset_import:
        if opset.domain == _DOMAIN:
            opset.version = _PACKED_OPSET
    return packed


def ensembles(model: Any) -> list[Any]:
    """The nodes that are tree ensembles in the form that skl2onnx writes."""
    return [node for node in model.graph.node if node.op_type in _KINDS]


def _pruned(attributes: Attributes, kind: str, share: float) -> Attributes | None:
    trees, targets = attributes[f"{kind}_treeids"], attributes[f"{kind}_ids"]
    every = np.unique(attributes["nodes_treeids"])
    # The targets that a tree's leaves have weights for; trees with the same ones form a group.
    groups: dict[tuple[int, ...], list[int]] = {}
    for tree in every.tolist():
        groups.setdefault(tuple(np.unique(targets[trees == tree]).tolist()), []).append(tree)
    scale: dict[int, float] = {}
    kept: list[int] = []
    for group in groups.values():
        first = group[: max(1, int(len(group) * share))]
        scale |= dict.fromkeys(first, len(group) / len(first))
        kept += first
    if len(kept) == len(every):
        return None
    inside = {"nodes_": np.isin(attributes["nodes_treeids"], kept), f"{kind}_": np.isin(trees, kept)}
    fewer = dict(attributes)
    for prefix, mask in inside.items():
        for name, values in attributes.items():
            if name.startswith(prefix) and isinstance(values, np.ndarray):
                fewer[name] = values[mask]
    if "base_values" not in attributes:
        factors = np.array([scale[tree] for tree in fewer[f"{kind}_treeids"].tolist()])
        fewer[f"{kind}_weights"] = (fewer[f"{kind}_weights"] * factors).astype(np.float32)
    return fewer


def _packed(model: Any, node: Any) -> list[Any] | None:
    """The nodes that replace an ensemble, or None."""
    from onnx import helper, numpy_helper

    attributes, kind = _attributes(node), _KINDS[node.op_type]
    if attributes is None or attributes.get("aggregate_function", b"SUM") != b"SUM":
        return None
    used = {name for other in model.graph.node for name in other.input}
    used |= {output.name for output in model.graph.output}
    answer = node.output[-1]
    classes = len(attributes.get("classlabels_int64s", ())) or len(attributes.get("classlabels_strings", ()))
    if kind == "class" and node.output[0] in used:
        return None
    transform = attributes.get("post_transform", b"NONE")
    attributes, both = _one_class(attributes, kind, classes, transform)
    trees = None if attributes is None else _trees(attributes, kind)
    if attributes is None or trees is None:
        return None
    targets = 1 if both else int(attributes.get("n_targets", classes))
    raw, shifted = f"{answer}_sum", f"{answer}_shifted"
    made = [
        helper.make_node("TreeEnsemble", [node.input[0]], [raw], domain=_DOMAIN, n_targets=targets, **trees)
    ]
    base = attributes.get("base_values")
    if base is not None:
        model.graph.initializer.append(numpy_helper.from_array(base.astype(np.float32), f"{answer}_base"))
        made.append(helper.make_node("Add", [raw, f"{answer}_base"], [shifted]))
    last = raw if base is None else shifted
    operator = {b"NONE": "Identity", b"LOGISTIC": "Sigmoid", b"SOFTMAX": "Softmax"}.get(transform)
    if operator is None:
        return None
    if not both:
        return [*made, helper.make_node(operator, [last], [answer])]
    yes, no, one = (f"{answer}_{part}" for part in ("yes", "no", "one"))
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), one))
    return [
        *made,
        helper.make_node(operator, [last], [yes]),
        helper.make_node("Sub", [one, yes], [no]),
        helper.make_node("Concat", [no, yes], [answer], axis=1),
    ]


def _one_class(
    attributes: Attributes, kind: str, classes: int, transform: bytes
) -> tuple[Attributes | None, bool]:
    """The ensemble with weights of the second class alone, where that says all; and whether it is so."""
    if kind == "target" or classes != _BINARY:
        return attributes, False
    # Of two classes one weight to a leaf is the second's; where all are positive they are probabilities.
    positive = transform == b"NONE" and (attributes["class_weights"] >= 0).all()
    if len(np.unique(attributes["class_ids"])) > 1 or not (positive or transform == b"LOGISTIC"):
        return None, True
    return {**attributes, "class_ids": np.zeros_like(attributes["class_ids"])}, True


def _trees(attributes: Attributes, kind: str) -> Attributes | None:
    """The attributes of operator TreeEnsemble, or None where a leaf has no weight or several."""
    from onnx import numpy_helper

    modes, tree_ids = attributes["nodes_modes"], attributes["nodes_treeids"]
    stride = int(max(attributes["nodes_nodeids"].max(), attributes["nodes_truenodeids"].max())) + 1
    keys = tree_ids * stride + attributes["nodes_nodeids"]
    order = np.argsort(keys)
    leaf = modes == b"LEAF"
    number = np.where(leaf, np.cumsum(leaf) - 1, np.cumsum(~leaf) - 1)
    weighted = attributes[f"{kind}_treeids"] * stride + attributes[f"{kind}_nodeids"]
    where = np.argsort(weighted)
    if set(modes[~leaf].tolist()) - set(_MODES) or not np.array_equal(weighted[where], np.sort(keys[leaf])):
        return None
    sources = where[np.argsort(np.argsort(keys[leaf]))]
    children = {}
    for side in ("true", "false"):
        child = tree_ids * stride + attributes[f"nodes_{side}nodeids"]
        children[side] = order[np.searchsorted(keys[order], child[~leaf])]
    roots = [order[np.searchsorted(keys[order], tree * stride)] for tree in np.unique(tree_ids).tolist()]
    if leaf[roots].any():
        return None  # a tree of one leaf only; rare, and its other form has such trees too
    splits = attributes["nodes_values"][~leaf].astype(np.float32)
    codes = np.array([_MODES.index(mode) for mode in modes[~leaf].tolist()], np.uint8)
    packed: Attributes = {
        "nodes_featureids": attributes["nodes_featureids"][~leaf].tolist(),
        "nodes_splits": numpy_helper.from_array(splits, "splits"),
        "nodes_modes": numpy_helper.from_array(codes, "modes"),
        "leaf_targetids": attributes[f"{kind}_ids"][sources].tolist(),
        "leaf_weights": numpy_helper.from_array(attributes[f"{kind}_weights"][sources], "weights"),
        "tree_roots": number[roots].tolist(),
    }
    for side, child in children.items():
        packed[f"nodes_{side}nodeids"] = number[child].tolist()
        packed[f"nodes_{side}leafs"] = leaf[child].astype(int).tolist()
    missing = attributes.get("nodes_missing_value_tracks_true")
    if missing is not None and missing[~leaf].any():
        packed["nodes_missing_value_tracks_true"] = missing[~leaf].tolist()
    return packed


def _attributes(node: Any) -> Attributes | None:
    """A node's attributes, lists as arrays; None where it keeps doubles, which this does not read."""
    from onnx import helper

    read = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if any(name.endswith("_as_tensor") for name in read):
        return None
    arrays: Attributes = {}
    for name, value in read.items():
        if not isinstance(value, bytes | int | float):
            kind: Any = object if value and isinstance(value[0], bytes) else None
            value = np.array(value, kind)  # noqa: PLW2901 - the same, in its final form
            value = value.astype(np.float32) if value.dtype.kind == "f" else value  # noqa: PLW2901
        arrays[name] = value
    return arrays


def _set(node: Any, attributes: Attributes) -> None:
    from onnx import helper

    del node.attribute[:]
    for name, value in attributes.items():
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        node.attribute.append(helper.make_attribute(name, plain))


def _copy(model: Any) -> Any:
    import onnx

    return onnx.load_from_string(model.SerializeToString())


def _clone(node: Any) -> Any:
    from onnx import NodeProto

    return NodeProto.FromString(node.SerializeToString())
