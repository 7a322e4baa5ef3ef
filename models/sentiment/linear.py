"""Linear models over sets of n-grams: naive Bayes, logistic regression and blends, one table of weights.

Every part scores a text by the sum of its n-grams' weights over the square root of their number, so that
a blend of parts is again such a table. Source of the ratios that scale the n-grams: S. Wang and
C. Manning, "Baselines and bigrams: simple, good sentiment and topic classification", ACL 2012.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from functions.sentiment.handler import BUCKETS, LANGUAGES
from maas.contract import Columns, Matrix
from maas.errors import DataError
from models.sentiment.graph import embedding_bag
from models.table import Table
from models.validation import Grouped

POSITIVE = "positive"
_FEWEST = 20  # texts of a language below which nothing is learnt about it
_CALIBRATION_FOLDS = 3
_FAMILIES = ("main", "fine")
_FAR = 15.0  # log-odds beyond which a probability says no more

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One way to weigh the n-grams of one family.

    Attributes:
        family: Which n-grams.
        method: Naive Bayes; or logistic regression on n-grams scaled by their inverse document frequency,
            with the log-count ratio of the classes as a further scale or without.
        c: Inverse strength of the regression's penalty.
        rarest: N-grams in fewer texts are left out.
        share: Weight in the blend.
    """

    family: Literal["main", "fine"]
    method: Literal["naive Bayes", "ratio-scaled regression", "regression"]
    c: float = 1.0
    rarest: int = 1
    share: float = 1.0


@dataclass(frozen=True)
class Linear:
    """A blend of parts per language, calibrated.

    Attributes:
        name: For people.
        parts: The parts by language.
    """

    name: str
    parts: Mapping[str, Sequence[Part]]

    @property
    def hyperparameters(self) -> Mapping[str, JsonValue]:
        """Each part in words, by language."""
        described: dict[str, JsonValue] = {
            language: [
                f"{part.family}: {part.method}, C {part.c:g}, in {part.rarest} or more texts"
                for part in parts
            ]
            for language, parts in self.parts.items()
        }
        return {**described, "calibration_folds": _CALIBRATION_FOLDS}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "FittedLinear":
        """Fit each language's rows by themselves; a language without rows answers one half.

        Raises:
            DataError: All rows are of one class.
        """
        positive = table.target == POSITIVE
        if positive.all() or not positive.any():
            raise DataError(f"{table.data.name}: all {len(positive)} rows to fit on are of one class")
        keys, weights, bias = [np.empty(0, np.int64)], [np.empty(0)], np.zeros(len(LANGUAGES))
        for number, language in enumerate(LANGUAGES):
            rows = np.flatnonzero(matrix[:, 0] == number)
            if len(rows) < _FEWEST or len(np.unique(positive[rows])) == 1:
                # The rule of succession: none of a language is even odds, a few of one class no certainty.
                bias[number] = np.log((positive[rows].sum() + 1) / ((~positive[rows]).sum() + 1))
                continue
            found, weighed, bias[number] = self._calibrated(language, matrix, table, rows, seed)
            keys.append(found)
            weights.append(weighed)
        # The languages' n-grams have hashes of their own: where two meet by chance, their weights add up.
        merged, places = np.unique(np.concatenate(keys), return_inverse=True)
        summed = np.bincount(places, np.concatenate(weights), len(merged))
        return FittedLinear(merged, summed.astype(np.float32), bias.astype(np.float32))

    def _calibrated(
        self, language: str, matrix: Matrix, table: Table, rows: NDArray[np.intp], seed: int
    ) -> tuple[NDArray[np.int64], Floats, float]:
        """Weights scaled, and a bias set, by the scores of rows that were not learnt (Platt, 1999)."""
        from sklearn.linear_model import LogisticRegression

        bags, positive = _Bags(matrix[rows, 1:]), table.target[rows] == POSITIVE
        scores = np.zeros(len(rows))
        for train, test in Grouped(_CALIBRATION_FOLDS, seed=seed).folds(table.take(rows)):
            if len(np.unique(positive[train])) == 2:  # noqa: PLR2004 - both classes
                scores[test] = bags.scores(self._weights(language, bags, positive, train, seed), test)
        platt = LogisticRegression(C=1e3).fit(scores[:, None], positive)
        weights = self._weights(language, bags, positive, np.arange(len(rows)), seed)
        used = np.flatnonzero(weights)
        scaled = weights[used] * platt.coef_[0, 0]
        return bags.keys[used], scaled, float(np.clip(platt.intercept_[0], -_FAR, _FAR))

    def _weights(
        self, language: str, bags: "_Bags", positive: NDArray[np.bool_], rows: NDArray[np.intp], seed: int
    ) -> Floats:
        total = np.zeros(len(bags.keys))
        for part in self.parts[language]:
            weights = bags.fitted(part, positive, rows, seed)
            spread = bags.scores(weights, rows).std()
            total += part.share * weights / (spread or 1.0)
        return total


class _Bags:
    """The n-grams of n texts as sparse matrices, each row of a family of length 1."""

    def __init__(self, slots: Matrix) -> None:
        from scipy.sparse import csr_matrix

        texts, places = np.nonzero(slots)
        self.keys, columns = np.unique(slots[texts, places].astype(np.int64), return_inverse=True)
        present = np.ones(len(texts), np.float32)
        self.counts: Any = csr_matrix((present, (texts, columns)), (len(slots), len(self.keys)))
        fine = self.keys > BUCKETS
        self.members = {"main": ~fine, "fine": fine}
        families = fine[columns].astype(np.intp)
        lengths = np.bincount(2 * texts + families, minlength=2 * len(slots))
        scaled = 1 / np.sqrt(lengths[2 * texts + families], dtype=np.float32)
        self.scaled: Any = csr_matrix((scaled, (texts, columns)), self.counts.shape)

    def scores(self, weights: Floats, rows: NDArray[np.intp]) -> Floats:
        """The sums of weights, shape (len(rows),)."""
        scores: Floats = self.scaled[rows] @ weights
        return scores

    def fitted(self, part: Part, positive: NDArray[np.bool_], rows: NDArray[np.intp], seed: int) -> Floats:
        """Weights of one part for every key, 0 for those it leaves out."""
        from sklearn.linear_model import LogisticRegression

        target = positive[rows]
        learnt = self.counts[rows]
        in_texts = np.asarray(learnt.sum(axis=0)).ravel()
        used = np.flatnonzero(self.members[part.family] & (in_texts >= part.rarest))
        weights = np.zeros(len(self.keys))
        if not len(used):
            return weights
        praising = 1 + np.asarray(learnt[target].sum(axis=0)).ravel()[used].astype(np.float64)
        complaining = 1 + np.asarray(learnt[~target].sum(axis=0)).ravel()[used].astype(np.float64)
        ratio = np.log(praising / praising.sum()) - np.log(complaining / complaining.sum())
        if part.method == "naive Bayes":
            weights[used] = ratio
            return weights
        rarity = np.log((1 + len(rows)) / (1 + in_texts[used])) + 1
        scale = rarity / rarity.mean() * (ratio if part.method == "ratio-scaled regression" else 2.0)
        scaled = self.scaled[rows][:, used].multiply(scale.astype(np.float32)).tocsr()
        # The dual solver is by far the quickest where there are more n-grams than texts.
        regression = LogisticRegression(C=part.c, solver="liblinear", dual=True, tol=1e-2, random_state=seed)
        weights[used] = regression.fit(scaled, target).coef_[0] * scale
        return weights


@dataclass(frozen=True, eq=False)
class FittedLinear:
    """A table of weights.

    Attributes:
        keys: Buckets with a weight, ascending; shape (k,).
        weights: Their weights; shape (k,).
        bias: Log-odds of a text without known n-grams, by language.
    """

    keys: NDArray[np.int64]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def predict(self, matrix: Matrix) -> Columns:
        """`probability` of the positive class, its `log_odds` and the `language` number, n each.

        Besides, `contributions` of each slot to the log-odds, shape (n, number of slots).
        """
        ids = matrix[:, 1:].astype(np.int64)
        places = np.minimum(np.searchsorted(self.keys, ids), max(len(self.keys) - 1, 0))
        known = self.keys[places] == ids if len(self.keys) else np.zeros(ids.shape, np.bool_)
        found = np.where(known, self.weights[places], 0.0) if len(self.keys) else np.zeros(ids.shape)
        fine = ids > BUCKETS
        logits = self.bias[matrix[:, 0].astype(np.intp)].astype(np.float64)
        contributions = np.zeros(ids.shape, np.float32)
        for members in (fine, ~fine & (ids > 0)):
            lengths = np.sqrt(np.maximum(members.sum(axis=1), 1))
            logits += np.sum(found * members, axis=1) / lengths
            contributions += (found * members / lengths[:, None]).astype(np.float32)
        return {
            "probability": 1 / (1 + np.exp(-logits)),
            "language": matrix[:, 0].astype(np.float64),
            "log_odds": logits,
            "contributions": contributions,
        }

    def to_onnx(self) -> bytes:
        """The ONNX file."""
        return embedding_bag(self.keys, self.weights, self.bias, first_fine=BUCKETS + 1)
