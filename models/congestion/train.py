"""Training of congestion on a network's five-minute speeds with the detectors' adjacency.

The real data are METR-LA's loop detectors on the motorways of Los Angeles, as the graph-network literature
passes them on: 207 detectors, a week of March 2012.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.congestion.handler import CONGESTED_BELOW, complete, handler
from maas.contract import Columns
from maas.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from models.baseline import Persistence
from models.classifier import Classifier
from models.congestion.detectors import read_detectors
from models.congestion.simulation import simulate
from models.congestion.windows import windows
from models.keras_network import Network
from models.recipe import Recipe
from models.source import Source
from models.table import Table
from models.threshold import PROBABILITY, Committee
from models.validation import Sampled, TimeOrdered

_LAYERS = (128, 64, 32)
_DROPOUT = 0.1
_MEMBERS, _ROWS = 3, 120_000
_LEAST = 5e-5  # answers have four decimals: a 0 stands for anything below


def load(source: Source) -> Table:
    """Read the speeds and the adjacency: a file with the other beside it, or the folder of both.

    Raises:
        DataError: They cannot be read as such tables, or hold too little.
    """
    return windows(
        read_detectors(source),
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        simulated=False,
    )


def metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
    """Figures of the answers yes and no, and of the probability: area under the curve, cross-entropy."""
    answers = predicted["congested"].astype(np.int64)
    probability = predicted[PROBABILITY]
    figures = {
        "f1": f1_score(truth, answers),
        "precision": precision_score(truth, answers),
        "recall": recall_score(truth, answers),
        "accuracy": accuracy_score(truth, answers),
        "roc_auc": roc_auc_score(truth, probability),
        "log_loss": log_loss(truth, np.clip(probability, _LEAST, 1 - _LEAST), labels=[0, 1]),
    }
    # A manifest holds finite numbers only; an undefined figure is left out.
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _persistence(columns: Columns) -> Columns:
    congested = complete(columns["speeds"])[:, 0, -1] < CONGESTED_BELOW
    return {PROBABILITY: congested.astype(np.float64), "congested": congested}


def _logistic(seed: int) -> Any:
    del seed  # nothing in it is random
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))


def _boosted_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.07,
        max_leaf_nodes=15,
        min_samples_leaf=50,
        early_stopping=False,
        random_state=seed,
    )


def _dense(keras: Any, width: int) -> Any:
    layers = keras.layers
    hidden = [
        layer
        for units in _LAYERS
        for layer in (layers.Dense(units, activation="relu"), layers.Dropout(_DROPOUT))
    ]
    return keras.Sequential([layers.Input((width,)), *hidden, layers.Dense(1, activation="sigmoid")])


RECIPE = Recipe(
    endpoint=handler,
    title="Congestion",
    summary="The probability that traffic at a detector is slower than 40 mph in fifteen minutes, from the "
    "last hour there and at the seven detectors nearest to it.",
    load=load,
    sample=simulate,
    candidates=(
        Committee("logistic regression", Classifier("logistic", (0, 1), _logistic, {"C": 0.01}), rows=20_000),
        Committee(
            "boosted trees",
            Classifier(
                "trees",
                (0, 1),
                _boosted_trees,
                {"iterations": 100, "learning_rate": 0.07, "max_leaf_nodes": 15},
            ),
            members=_MEMBERS,
            rows=_ROWS,
        ),
        Committee(
            "dense network",
            Network(
                "network",
                PROBABILITY,
                _dense,
                "binary_crossentropy",
                {"layers": list(_LAYERS), "activation": "relu, sigmoid at the end", "dropout": _DROPOUT},
                epochs=18,
                batch_size=512,
                standardise=True,
            ),
            members=_MEMBERS,
            rows=_ROWS,
        ),
    ),
    splitter=Sampled(TimeOrdered(n_folds=1, held_out=0.2, unit="h"), rows=100_000),
    baseline=Persistence(_persistence),
    metrics=metrics,
    score="f1",
    greater_is_better=True,
    # Trees are a little better on some days and worse on others; the network is small, smooth and quick.
    preferred="dense network",
    margin=0.01,
    parity_tolerance=1e-3,
    # Weights in bytes would save a quarter of a megabyte, and cost five times the time of a row.
    optimise=False,
    training_file=(
        "Two CSV files in one folder; give the speeds' file or the folder.\n\n"
        "- speeds: one column per detector, one row every five minutes, in mph; 0 or empty where there was "
        "no reading. A first\n"
        "  column named `timestamp`, `time`, `date` or `datetime`, or without a name, holds ISO 8601 times\n"
        "- adjacency: its name contains `adj`; a square of weights from 0 to 1 without a header, detectors "
        "in the same order"
    ),
    public_data=("traffic_flow/los_speed*",),
    limits=(
        "It knows one network of motorways in six days of one March: no holidays, no winter, no night works.",
        "It does not know which detector it is asked about; neighbours must come in order of nearness.",
        "Most errors are detectors that hover around 40 mph, where fifteen minutes ahead is chance.",
        "The archive's files have no times: they are known by position, or by the rhythm of the rush hours.",
        "The archive filled some missing readings in; the model took them for measured.",
    ),
)
