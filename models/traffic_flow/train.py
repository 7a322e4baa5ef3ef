"""Training of traffic_flow on a detector's hourly counts with weather and holidays.

The real data are the Metro Interstate Traffic Volume set (UCI Machine Learning Repository; counts of the
Minnesota Department of Transportation's station 301 on I-94, weather of OpenWeatherMap).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from functions.traffic_flow.handler import handler
from maas.errors import DataError
from maas.manifest import DataSource
from maas.preprocessing.cleaning import mask_implausible
from models.baseline import HourOfWeekMean
from models.csv_file import CsvFile
from models.evaluation import regression_metrics
from models.grid import combinations, described
from models.recipe import Recipe
from models.scikit import Blend, Regressor
from models.source import Source
from models.table import Table, checked_columns, period_of
from models.traffic_flow.simulation import simulate
from models.validation import TimeOrdered

_OUTPUT = "vehicles_per_hour"
_ZERO_CELSIUS = 273.15
# The archive has hours of 0 K and of 9831 mm of rain; no weather station has seen the like.
_PLAUSIBLE_KELVIN = (220.0, 325.0)
_PLAUSIBLE_MM = (0.0, 300.0)
_COLUMNS = (
    "holiday",
    "temp",
    "rain_1h",
    "snow_1h",
    "clouds_all",
    "weather_main",
    "date_time",
    "traffic_volume",
)


def load(source: Source) -> Table:
    """Read the UCI set's CSV: one row per hour and weather record.

    Temperatures come in kelvin; a holiday is named at midnight only and holds for the whole day;
    implausible measurements count as missing (temperature) or none (rain, snow).

    Raises:
        DataError: The file cannot be read as such a table.
    """
    if b"Flow (Veh/" in source.data.partition(b"\n")[0]:
        raise DataError(
            f"{source.name}: five-minute counts of one lane, as PeMS publishes them; the model for these is "
            f"lane_flow"
        )
    file = CsvFile.parse(source, required=_COLUMNS)
    times = file.times("date_time")
    kelvin = mask_implausible(file.numbers("temp"), *_PLAUSIBLE_KELVIN).values
    values = {
        "timestamp": times.astype(str).tolist(),
        "holiday": _whole_days(times, file.text("holiday")),
        "temperature": [None if t != t else t for t in (kelvin - _ZERO_CELSIUS).round(2).tolist()],  # noqa: PLR0124
        "rain": _millimetres(file, "rain_1h"),
        "snow": _millimetres(file, "snow_1h"),
        "clouds": file.numbers("clouds_all").tolist(),
        "weather": file.text("weather_main"),
    }
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(file),
        simulated=False,
        period=period_of(times),
    )
    columns = checked_columns(handler.contract, values, name=file.name, lines=file.lines)
    return Table(columns=columns, target=file.numbers("traffic_volume"), data=data, times=times)


def _whole_days(times: np.typing.NDArray[np.datetime64], names: list[str]) -> list[str | None]:
    days = times.astype("datetime64[D]").tolist()
    # pandas writes a missing name as nothing, the archive as the word None.
    named = {day: name for day, name in zip(days, names, strict=True) if name not in {"", "None"}}
    return [named.get(day) for day in days]


def _millimetres(file: CsvFile, column: str) -> list[float]:
    cleaned = mask_implausible(file.numbers(column), *_PLAUSIBLE_MM).values
    values: list[float] = np.nan_to_num(cleaned).tolist()
    return values


def _support_vectors(seed: int, **settings: Any) -> Any:
    del seed  # nothing in it is random
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    return make_pipeline(StandardScaler(), SVR(**settings))


def _random_forest(seed: int, **settings: Any) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(30, max_leaf_nodes=3000, random_state=seed, n_jobs=1, **settings)


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(
        20, min_samples_leaf=5, max_leaf_nodes=3000, max_features=0.4, random_state=seed, n_jobs=1
    )


def _boosted_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=300,
        learning_rate=0.06,
        max_leaf_nodes=15,
        min_samples_leaf=40,
        max_features=0.3,
        # The default holds back a random tenth of large data, which would cut hours in two.
        early_stopping=False,
        random_state=seed,
    )


def _svr(name: str, **settings: Any) -> Regressor:
    return Regressor(
        name, _OUTPUT, partial(_support_vectors, **settings), {"kernel": "rbf", **settings}, rows=4000
    )


def _forest(name: str, **settings: Any) -> Regressor:
    return Regressor(
        name,
        _OUTPUT,
        partial(_random_forest, **settings),
        {"trees": 30, "max_leaf_nodes": 3000, **settings},
    )


_SUPPORT_VECTORS = _svr("support vectors", C=20_000.0, gamma=0.01, epsilon=200.0)
_RANDOM_FOREST = _forest("random forest", min_samples_leaf=5, max_features=0.4)
_BOOSTED_TREES = Regressor(
    "boosted trees",
    _OUTPUT,
    _boosted_trees,
    {"loss": "poisson", "iterations": 300, "learning_rate": 0.06, "max_leaf_nodes": 15, "max_features": 0.3},
    log_link=True,
)
# Each draws other features at its splits: the mean of two varies less than either.
_BOOSTED_AGAIN = replace(
    _BOOSTED_TREES, name="boosted trees again", make=lambda seed: _boosted_trees(seed + 1)
)
_EXTRA_TREES = Regressor(
    "extra trees",
    _OUTPUT,
    _extra_trees,
    {"trees": 20, "min_samples_leaf": 5, "max_leaf_nodes": 3000, "max_features": 0.4},
)


def _grid() -> Iterator[Regressor]:
    """Other settings of the two methods that depend on them most."""
    for one in combinations(
        C=(5_000.0, 20_000.0, 80_000.0), gamma=(0.005, 0.01, 0.02), epsilon=(100.0, 200.0)
    ):
        if one != {"C": 20_000.0, "gamma": 0.01, "epsilon": 200.0}:
            yield _svr(f"support vectors, {described(one)}", **one)
    for one in combinations(max_depth=(10, 14, 18), min_samples_leaf=(3, 5), max_features=(0.4, 0.6)):
        yield _forest(f"random forest, {described(one)}", **one)


RECIPE = Recipe(
    endpoint=handler,
    title="Traffic flow",
    summary="Vehicles per hour past a detector, from the time, the calendar and the weather.",
    load=load,
    sample=simulate,
    candidates=(
        _SUPPORT_VECTORS,
        _RANDOM_FOREST,
        _BOOSTED_TREES,
        Blend("blend", (_BOOSTED_TREES, _BOOSTED_AGAIN, _EXTRA_TREES)),
    ),
    grid=tuple(_grid()),
    splitter=TimeOrdered(n_folds=3, held_out=0.25),
    baseline=HourOfWeekMean(_OUTPUT),
    metrics=regression_metrics(_OUTPUT),
    score="rmse",
    parity_tolerance=1.0,
    training_file=(
        "A CSV file with a header, one row per hour, as the UCI set *Metro Interstate Traffic Volume* has "
        "it. Columns\n"
        "may stand in any order; others are ignored.\n\n"
        "- `date_time`: the hour, ISO 8601, local time\n"
        "- `traffic_volume`: vehicles in that hour: what is learnt\n"
        "- `temp`: air temperature in kelvin\n"
        "- `rain_1h`, `snow_1h`: millimetres in that hour\n"
        "- `clouds_all`: cloud cover in per cent\n"
        "- `weather_main`: the kind of weather, such as `Clear`, `Clouds`, `Rain`\n"
        "- `holiday`: the holiday's name in one of the day's rows, else `None`"
    ),
    public_data=("traffic_flow/metro_i94*",),
    limits=(
        "Closures, accidents and road works are not among the inputs; such days make up much of the error.",
        "It does not see the last hours' counts, and so cannot correct itself during an unusual day.",
        "It knows the detector it was trained on, and no trend beyond the years in the data.",
        "Support vectors are fitted on a random 4000 rows: their cost grows with the square of the rows.",
    ),
)
