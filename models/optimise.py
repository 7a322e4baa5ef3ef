"""The last step of training: the smallest form of the chosen model that is as good as it, within a budget."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maas.contract import Columns, Matrix
from maas.manifest import Variant
from maas.runtime import Session
from models import forest, quantisation
from models.recipe import Recipe
from models.selection import Part
from models.table import Table

type Rewrite = Callable[[Any], Any | None]

UNCHANGED = "unchanged"
# What may be lost where the recipe does not say: a share of an error, or points of a score such as accuracy.
ERROR_BUDGET, SCORE_BUDGET = 0.01, 0.002
# Below the first a smaller file is no quicker to load, and below the second nothing may be lost for it; and a
# change must be worth its while.
_SMALL_BYTES, _SMALL_ENOUGH_BYTES = 16 << 10, 96 << 10
_WORTHWHILE = 0.9
_CALLS = 30


def _fewer(share: float) -> Rewrite:
    """Prune, then pack where the ensembles allow it."""

    def rewrite(model: Any) -> Any | None:
        pruned = forest.prune(model, share)
        return None if pruned is None else forest.pack(pruned) or pruned

    return rewrite


# Each makes a smaller graph of an ONNX ModelProto, or says with None that it does not apply.
LOSSLESS: Mapping[str, Rewrite] = {"packed trees": forest.pack}
REWRITES: Mapping[str, Rewrite] = {
    **LOSSLESS,
    "float16 weights": quantisation.half_weights,
    "int8 weights": quantisation.byte_weights,
    "three quarters of the trees": _fewer(0.75),
    "half the trees": _fewer(0.5),
    "a quarter of the trees": _fewer(0.25),
}


@dataclass(frozen=True, eq=False)
class Optimised:
    """The variant that was kept.

    Attributes:
        name: Its kind, a key of REWRITES or UNCHANGED.
        variants: All that were tried, for the manifest.
        predicted: Its answers for the held-out rows, as the prediction's fields.
    """

    name: str
    variants: tuple[Variant, ...]
    predicted: Columns


def rewrite(artifact: bytes, name: str) -> bytes:
    """The variant of this kind of an ONNX file; the file itself where the kind does not apply to it."""
    import onnx

    made = None if name == UNCHANGED else REWRITES[name](onnx.load_from_string(artifact))
    return artifact if made is None else bytes(made.SerializeToString())


def optimise(recipe: Recipe, parts: Sequence[Part], table: Table, matrix: Matrix) -> Optimised:
    """Try every kind of variant on held-out rows; keep the smallest within the budget of the best.

    Latencies are measured and recorded but decide nothing: they differ from run to run.

    Args:
        recipe: Its metrics and its score judge.
        parts: Models, each with the row numbers that were held out from it; the rows of all parts together
            give the score.
        table: All rows.
        matrix: Their features.
    """
    files = {UNCHANGED: [part.fitted.to_onnx() for part in parts]}
    whole = _mean_size(files[UNCHANGED])
    if recipe.optimise and whole > _SMALL_BYTES:
        kinds = REWRITES if whole > _SMALL_ENOUGH_BYTES else LOSSLESS
        tried = {name: [rewrite(file, name) for file in files[UNCHANGED]] for name in kinds}
        files |= {name: made for name, made in tried.items() if _mean_size(made) < _WORTHWHILE * whole}
    rows = [part.rows for part in parts]
    target = table.target[np.concatenate(rows)]
    answers, scores, seconds = {}, {}, {}
    for name, made in files.items():
        sessions = [Session(file) for file in made]
        answers[name] = recipe.endpoint.contract.respond(_outputs(sessions, [matrix[part] for part in rows]))
        scores[name] = recipe.metrics(target, answers[name])[recipe.score]
        seconds[name] = _seconds(sessions[-1], matrix[:1]) if len(files) > 1 else 1.0
    sizes = {name: _mean_size(made) for name, made in files.items()}
    chosen = choose(recipe, sizes, scores)
    variants = tuple(
        Variant(
            name=name,
            bytes=sizes[name],
            latency_ratio=round(seconds[name] / seconds[UNCHANGED], 2),
            score=scores[name],
            chosen=name == chosen,
        )
        for name in files
    )
    return Optimised(chosen, variants, answers[chosen])


def choose(recipe: Recipe, sizes: Mapping[str, int], scores: Mapping[str, float]) -> str:
    """The smallest variant whose score is within the recipe's budget of the best score."""
    best = max(scores.values()) if recipe.greater_is_better else min(scores.values())
    budget = recipe.optimise_budget
    if budget is None:
        budget = SCORE_BUDGET if recipe.greater_is_better else ERROR_BUDGET
    allowed = budget if recipe.greater_is_better else budget * abs(best)
    within = [name for name, score in scores.items() if abs(score - best) <= allowed]
    return min(within, key=lambda name: sizes[name])


def _mean_size(files: Sequence[bytes]) -> int:
    return sum(map(len, files)) // len(files)


def _outputs(sessions: Sequence[Session], matrices: Sequence[Matrix]) -> Columns:
    """The outputs of each session for its own rows, one after the other."""
    found = [session.run(matrix) for session, matrix in zip(sessions, matrices, strict=True)]
    return {name: np.concatenate([outputs[name] for outputs in found]) for name in found[0]}


def _seconds(session: Session, row: Matrix) -> float:
    """The median time of one row."""
    session.run(row)
    taken = []
    for _ in range(_CALLS):
        started = time.perf_counter()
        session.run(row)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
