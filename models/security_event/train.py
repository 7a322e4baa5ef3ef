"""Training of security_event on the NSL-KDD files, or on any matrix whose last column is the label."""

from typing import Any

from pydantic import JsonValue

from functions.security_event.handler import handler
from models.recipe import Recipe
from models.security_event.detection_plots import found_by_attack, roc
from models.security_event.detector import Detector
from models.security_event.figures import CommonerSide, detection_metrics
from models.security_event.known_attacks import KnownAttacks
from models.security_event.normal_traffic import NormalTraffic
from models.security_event.nsl_kdd import load_connections
from models.security_event.number_array import MAGIC, load_array
from models.security_event.simulation import simulate
from models.security_event.unseen import UnseenAttacks
from models.source import Source
from models.table import Table


def load(source: Source) -> Table:
    """Read an NSL-KDD text file, or a `.npy` file; which of them, its first bytes tell.

    Raises:
        DataError: It is neither.
    """
    return load_array(source) if source.data.startswith(MAGIC) else load_connections(source)


# As many steps on a small matrix as on a large file, within reason.
_ROWS_SEEN, _FEWEST_EPOCHS, _MOST_EPOCHS = 200_000, 12, 40


def _network(seed: int, rows: int) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    epochs = min(max(_ROWS_SEEN // rows, _FEWEST_EPOCHS), _MOST_EPOCHS)
    network = MLPClassifier(
        hidden_layer_sizes=(100, 100),
        alpha=0.01,
        batch_size=256,
        max_iter=epochs + 2,
        # No gain is ever large enough: it stops after so many epochs, without a warning.
        tol=1e6,
        n_iter_no_change=epochs,
        random_state=seed,
    )
    return make_pipeline(StandardScaler(), network)


def _trees(seed: int, rows: int) -> Any:
    del rows
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        40, min_samples_leaf=3, max_leaf_nodes=600, max_features=0.4, random_state=seed, n_jobs=1
    )


_NETWORK = KnownAttacks(_network)
_FOREST = KnownAttacks(_trees)
_DENSITY = NormalTraffic()
_FOREST_SETTINGS: dict[str, JsonValue] = {
    "trees": 40,
    "min_samples_leaf": 3,
    "max_leaf_nodes": 600,
    "max_features": 0.4,
}
_NETWORK_SETTINGS: dict[str, JsonValue] = {
    "layers": [100, 100],
    "alpha": 0.01,
    "epochs": [_FEWEST_EPOCHS, _MOST_EPOCHS],
}
_DENSITY_SETTINGS: dict[str, JsonValue] = {"components": 10, "floor": 0.05}

RECIPE = Recipe(
    endpoint=handler,
    title="Security events",
    summary="Whether a network connection is an attack, seen before or not, how probably, and of which kind.",
    load=load,
    sample=simulate,
    candidates=(
        Detector("MLP 100-100", (_NETWORK,), settings={"network": _NETWORK_SETTINGS}),
        Detector(
            "extra trees and normal traffic",
            (_FOREST,),
            _DENSITY,
            settings={"trees": _FOREST_SETTINGS, "density": _DENSITY_SETTINGS},
        ),
        Detector(
            "extra trees, MLP 100-100 and normal traffic",
            (_FOREST, _NETWORK),
            _DENSITY,
            settings={"trees": _FOREST_SETTINGS, "network": _NETWORK_SETTINGS, "density": _DENSITY_SETTINGS},
        ),
    ),
    splitter=UnseenAttacks(n_folds=3),
    baseline=CommonerSide(),
    metrics=detection_metrics,
    score="balanced_accuracy",
    greater_is_better=True,
    parity_tolerance=5e-3,
    training_file=(
        "One of two kinds of file, told apart by its first bytes.\n\n"
        "- NSL-KDD: a CSV file without a header; 41 columns in the order of the inputs below, then the "
        "attack's name or `normal`,\n"
        "  and perhaps the set's degree of difficulty\n"
        "- `.npy`: a matrix of 1 to 256 numbers a row and a label in the last column, above 0 for an attack"
    ),
    public_data=("security_events/KDDTrain+_20Percent*",),
    plots={"roc": roc, "found_by_attack": found_by_attack},
    limits=(
        "The figures are for attacks whose names were not learnt; known ones are found more often.",
        "The data describe a simulated military network of 1998; no traffic of today is like it.",
        "Attacks that look like ordinary use, such as a stolen password or SNMP queries, are not found.",
        "The probability is for as many attacks as normal rows; where they are rare, alarms are often false.",
        "The family of an attack never seen before is a guess among four.",
    ),
)
