"""Training of air_quality on the Beijing PM2.5 data.

Source: S. X. Chen, Peking University, "Beijing PM2.5", UCI Machine Learning Repository: readings of the US
embassy, weather of the airport.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.air_quality.handler import FEATURES, categories, handler, recent
from maas.contract import Columns
from maas.errors import DataError
from maas.manifest import DataSource
from maas.metrics import accuracy_score, mean_absolute_error, r2_score, root_mean_squared_error
from models.air_quality.forecast_plots import error_by_level, fortnight
from models.air_quality.hourly_series import AHEAD, records_of
from models.air_quality.simulation import simulate
from models.baseline import Persistence
from models.csv_file import CsvFile
from models.multi_output import MultiOutput
from models.recipe import Recipe
from models.scikit import Blend, Regressor
from models.source import Source
from models.table import Table, period_of
from models.validation import TimeOrdered

_OUTPUTS = tuple(f"pm25_{hours}h" for hours in AHEAD)
_NOW = FEATURES.index("pm25_now")
_WEATHER = {
    "dew_point": "DEWP",
    "temperature": "TEMP",
    "pressure": "PRES",
    "cumulated_wind_speed": "Iws",
    "snow_hours": "Is",
    "rain_hours": "Ir",
}


def load(source: Source) -> Table:
    """Read the UCI set's CSV: one row per hour, `NA` where PM2.5 was not measured.

    Raises:
        DataError: The file cannot be read as such a series.
    """
    required = ("year", "month", "day", "hour", "pm2.5", "cbwd", *_WEATHER.values())
    file = CsvFile.parse(source, required=required)
    times = _times(file)
    weather: dict[str, Any] = {name: file.numbers(column) for name, column in _WEATHER.items()}
    weather["wind_direction"] = np.array(file.text("cbwd"), object)
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
        period=period_of(times),
    )
    pm25 = file.numbers("pm2.5", missing=("NA", "", "nan", "NaN"))
    return records_of(times, pm25, weather, data=data, lines=file.lines)


def _times(file: CsvFile) -> NDArray[np.datetime64]:
    parts = [file.text(name) for name in ("year", "month", "day", "hour")]
    times = []
    for line, (year, month, day, hour) in zip(file.lines, zip(*parts, strict=True), strict=True):
        text = f"{year:0>4}-{month:0>2}-{day:0>2}T{hour:0>2}"
        try:
            times.append(np.datetime64(text, "s"))
        except ValueError as error:
            raise DataError(f"{file.name}: line {line}: {text} is no hour of a day") from error
    return np.array(times, "datetime64[s]")


def _metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
    """By horizon: rmse, mae, r2 and the share of right categories; `rmse` is the mean of both."""
    figures: dict[str, float] = {}
    for column, hours in enumerate(AHEAD):
        right, answers = truth[:, column], predicted[f"pm25_{hours}h"]
        figures |= {
            f"rmse_{hours}h": root_mean_squared_error(right, answers),
            f"mae_{hours}h": mean_absolute_error(right, answers),
            f"r2_{hours}h": r2_score(right, answers),
            f"category_accuracy_{hours}h": accuracy_score(
                categories(right).astype(str), predicted[f"category_{hours}h"].astype(str)
            ),
        }
    figures["rmse"] = float(np.mean([figures[f"rmse_{hours}h"] for hours in AHEAD]))
    # A manifest holds finite numbers only; an undefined figure is left out.
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _unchanged(columns: Columns) -> Columns:
    now = recent(columns["pm25"])[0][:, -1]
    return {
        **dict.fromkeys(_OUTPUTS, now),
        **{f"category_{hours}h": categories(now) for hours in AHEAD},
    }


def _ridge(seed: int) -> Any:
    del seed  # nothing in it is random
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge(300.0))


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(
        30, min_samples_leaf=25, max_leaf_nodes=400, max_features=0.4, random_state=seed, n_jobs=1
    )


def _boosted_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=200,
        learning_rate=0.03,
        max_leaf_nodes=8,
        min_samples_leaf=150,
        l2_regularization=30.0,
        max_features=0.3,
        # The default holds back a random tenth of large data, of hours next to those learnt.
        early_stopping=False,
        random_state=seed,
    )


_EPOCHS = 12
_TYPICAL_CHANGE = 60.0  # µg/m³


def _network(seed: int) -> Any:
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPRegressor(
        hidden_layer_sizes=(32,),
        alpha=3.0,
        batch_size=256,
        learning_rate_init=2e-3,
        max_iter=_EPOCHS + 2,
        # No gain is ever large enough: it stops after so many epochs, without a warning.
        tol=1e6,
        n_iter_no_change=_EPOCHS,
        random_state=seed,
    )
    return make_pipeline(StandardScaler(), network)


def _regressors(output: str) -> dict[str, Regressor]:
    """The methods for one horizon; all but the trees of `levels` learn the change from now."""
    trees = {"trees": 30, "min_samples_leaf": 25, "max_leaf_nodes": 400, "max_features": 0.4}
    network = Regressor(
        "network",
        output,
        _network,
        {"layers": [32], "alpha": 3.0, "epochs": _EPOCHS},
        change_from=_NOW,
        unit=_TYPICAL_CHANGE,
    )
    return {
        "ridge": Regressor("ridge", output, _ridge, {"alpha": 300.0}, change_from=_NOW),
        "changes": Regressor("extra trees of changes", output, _extra_trees, trees, change_from=_NOW),
        "levels": Regressor("extra trees of levels", output, _extra_trees, trees),
        "boosted": Regressor(
            "boosted trees",
            output,
            _boosted_trees,
            {"iterations": 200, "learning_rate": 0.03, "max_leaf_nodes": 8, "max_features": 0.3},
            change_from=_NOW,
        ),
        "network": network,
        # Started elsewhere it ends elsewhere: the mean of two varies less than either.
        "again": replace(network, name="network again", make=lambda seed: _network(seed + 1)),
    }


_METHODS = [_regressors(output) for output in _OUTPUTS]


def _blend(name: str, *parts: str) -> MultiOutput:
    return MultiOutput(name, [Blend(name, [methods[part] for part in parts]) for methods in _METHODS])


RECIPE = Recipe(
    endpoint=handler,
    title="Air quality",
    summary="Fine particles (PM2.5) 6 and 24 hours ahead, from the last days' readings and the weather now.",
    load=load,
    sample=simulate,
    candidates=(
        MultiOutput("ridge", [methods["ridge"] for methods in _METHODS]),
        MultiOutput("extra trees", [methods["changes"] for methods in _METHODS]),
        MultiOutput("boosted trees", [methods["boosted"] for methods in _METHODS]),
        MultiOutput("network", [methods["network"] for methods in _METHODS]),
        _blend("trees and networks", "changes", "levels", "boosted", "network", "again"),
        _blend("all methods", "ridge", "changes", "levels", "boosted", "network", "again"),
    ),
    # A target lies up to a day ahead of its row: the day before what is judged must not be learnt.
    splitter=TimeOrdered(n_folds=3, held_out=0.25, gap=1),
    baseline=Persistence(_unchanged),
    metrics=_metrics,
    score="rmse",
    parity_tolerance=0.5,
    optimise_budget=0.003,
    plots={"fortnight": fortnight, "error_by_level": error_by_level},
    training_file=(
        "A CSV file with a header, one row per hour of one station, as the UCI set *Beijing PM2.5* has it. "
        "Rows ascend in\n"
        "time; hours may be missing. Columns may stand in any order; others are ignored.\n\n"
        "- `year`, `month`, `day`, `hour`: local time\n"
        "- `pm2.5`: µg/m³, `NA` where it was not measured; what is learnt are its values 6 and 24 hours "
        "later\n"
        "- `TEMP`, `DEWP`: temperature and dew point in °C\n"
        "- `PRES`: pressure in hPa\n"
        "- `cbwd`: the wind's quarter, `NE`, `NW`, `SE` or `cv`; `Iws`: its cumulated speed in m/s\n"
        "- `Is`, `Ir`: hours of snow and of rain so far"
    ),
    public_data=("air_quality/beijing_pm25*",),
    limits=(
        "It sees no weather forecast: when the wind will turn is what it cannot know, and most of its error.",
        "Squares of errors are kept small: forecasts a day ahead stay nearer to the usual than the truth.",
        "It knows one city, and years in which the air there was worse than it is now.",
        "Categories are those of China's index for a day's mean, here given to an hour's value.",
    ),
)
