"""Training of lane_flow on one lane's five-minute counts, as the California PeMS archive publishes them.

Rows are working days, and not all of them: windows never reach across a gap.
"""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.lane_flow.handler import complete, handler
from maas.contract import Columns
from maas.errors import DataError
from maas.manifest import DataSource
from models.baseline import Persistence
from models.csv_file import CsvFile
from models.evaluation import regression_metrics
from models.lane_flow.simulation import simulate
from models.lane_flow.windows import windows
from models.recipe import Recipe
from models.scikit import Blend, Regressor
from models.source import Source
from models.table import Table, period_of
from models.validation import TimeOrdered

_OUTPUT = "vehicles_per_5_minutes"
_TIME, _FLOW = "5 Minutes", "Lane 1 Flow (Veh/5 Minutes)"
# Day first, as in the files that are passed around; month first, as the archive's own export has it.
_FORMATS = ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")


def load(source: Source) -> Table:
    """Read the archive's CSV: start of the interval, vehicles, number of detectors, share observed.

    Counts that the archive filled in itself (0 % observed) are taken as they are, as the published figures
    for this data do. Empty counts are missing.

    Raises:
        DataError: The file cannot be read as such a series.
    """
    file = CsvFile.parse(source, required=(_TIME, _FLOW))
    times = _times(file)
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
        period=period_of(times),
    )
    return windows(times, file.numbers(_FLOW, missing=("",)), data=data, lines=file.lines)


def _times(file: CsvFile) -> NDArray[np.datetime64]:
    """The starts of the intervals, with the order of day and month in which they ascend."""
    texts = file.text(_TIME)
    for form in _FORMATS:
        try:
            times = np.array([datetime.strptime(text, form) for text in texts], "datetime64[s]")  # noqa: DTZ007 - local
        except ValueError:
            continue
        if (np.diff(times) > np.timedelta64(0, "s")).all():
            return times
    raise DataError(
        f"{file.name}: column {_TIME!r} does not ascend as day/month/year hours:minutes, nor month first"
    )


def _latest(columns: Columns) -> Columns:
    return {_OUTPUT: complete(columns["flows"])[:, -1]}


def _ridge(seed: int) -> Any:
    del seed  # nothing in it is random
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge(10.0))


def _support_vectors(seed: int) -> Any:
    del seed  # nothing in it is random
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    return make_pipeline(StandardScaler(), SVR(C=50.0, gamma=0.01, epsilon=4.0))


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(30, min_samples_leaf=8, max_features=0.3, random_state=seed, n_jobs=1)


def _boosted_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=200,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=30,
        l2_regularization=5.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(
        40, min_samples_leaf=8, max_leaf_nodes=600, max_features=0.5, random_state=seed, n_jobs=1
    )


_SUPPORT_VECTORS = Regressor(
    "support vectors",
    _OUTPUT,
    _support_vectors,
    {"kernel": "rbf", "C": 50.0, "gamma": 0.01, "epsilon": 4.0},
    rows=4000,
)
_RANDOM_FOREST = Regressor(
    "random forest",
    _OUTPUT,
    _random_forest,
    {"trees": 30, "min_samples_leaf": 8, "max_features": 0.3},
)
_BOOSTED_TREES = Regressor(
    "boosted trees",
    _OUTPUT,
    _boosted_trees,
    {"loss": "poisson", "iterations": 200, "learning_rate": 0.05, "max_leaf_nodes": 15, "max_features": 0.3},
    log_link=True,
)
_EXTRA_TREES = Regressor(
    "extra trees",
    _OUTPUT,
    _extra_trees,
    {"trees": 40, "min_samples_leaf": 8, "max_leaf_nodes": 600, "max_features": 0.5},
)

RECIPE = Recipe(
    endpoint=handler,
    title="Lane flow",
    summary="Vehicles in the next five minutes on one lane, from its counts of the last hour.",
    load=load,
    sample=simulate,
    candidates=(
        Regressor("ridge", _OUTPUT, _ridge, {"alpha": 10.0}),
        _SUPPORT_VECTORS,
        Regressor(
            "random forest",
            _OUTPUT,
            _random_forest,
            {"trees": 30, "min_samples_leaf": 8, "max_features": 0.3},
        ),
        _BOOSTED_TREES,
        _EXTRA_TREES,
        Blend("blend", (_EXTRA_TREES, _BOOSTED_TREES)),
    ),
    splitter=TimeOrdered(n_folds=3, held_out=0.25),
    baseline=Persistence(_latest),
    metrics=regression_metrics(_OUTPUT),
    score="mae",
    parity_tolerance=0.5,
    training_file=(
        "A CSV file with a header, one row per five minutes of one lane, as PeMS exports it. Other columns "
        "are ignored.\n\n"
        "- `5 Minutes`: start of the interval as `01/03/2016 0:05`, day or month first; ascending, gaps are "
        "allowed\n"
        "- `Lane 1 Flow (Veh/5 Minutes)`: vehicles in the interval, empty where missing"
    ),
    public_data=("traffic_flow/pems_lane*",),
    limits=(
        "It knows the mean day of the lane it was trained on; another lane needs a model of its own.",
        "The data are working days: at weekends it leans on the last hour alone, and on the wrong mean day.",
        "Five minutes ahead, most of the error is chance: vehicles arrive at random.",
        "A missing count is taken to equal the one before it.",
    ),
)
