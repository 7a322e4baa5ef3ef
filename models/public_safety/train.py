"""Training of public_safety on the Numenta Anomaly Benchmark's files: CSV with `timestamp` and `value`.

Labels are in a JSON file of windows by path, as the benchmark publishes them; they are used to judge and to
choose among few fixed detectors, never to fit one.
"""

import json
import math
import posixpath
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.public_safety.handler import FEATURES, THRESHOLD, handler
from maas.contract import Columns
from maas.errors import DataError
from maas.manifest import DataSource
from models.budget import Budget
from models.csv_file import CsvFile
from models.public_safety.detector import ALARM_RATE, Detector, deviations
from models.public_safety.nab import alarm_figures, nab_score
from models.public_safety.plots import plot_stream
from models.public_safety.simulation import simulate
from models.public_safety.streams import Window, table_of
from models.recipe import Recipe
from models.source import Source, read_source
from models.table import Table, period_of
from models.validation import Grouped

_LABELS = ("windows.json", "combined_windows.json")
# Beside the files, or in the benchmark's own folder of labels, which stands beside its folder of data.
_PLACES = ("", "..", "../..", "../labels", "../../labels", "../../../labels")

type Stream = tuple[NDArray[np.datetime64], NDArray[np.float64], list[Window]]


def load(source: Source) -> Table:
    """Read one series or a folder of them, with their labels.

    Raises:
        DataError: A file is no such series, or there are no labels for it.
    """
    if source.files:
        files = [source.file(name) for name in source.files if name.endswith((".csv", ".csv.gz"))]
        if not files:
            raise DataError(f"{source.uri}: no CSV file in this folder")
        inside = [name for name in source.files if name.rsplit("/", 1)[-1] in _LABELS]
        labels = _parsed(source.file(inside[0])) if inside else _found(files[0])
    else:
        files, labels = [source], _found(source)
    streams = {file.uri.rsplit("/", 1)[-1]: _stream(file, labels) for file in files}
    if len(streams) < len(files):
        raise DataError(f"{source.uri}: two files have one name")
    times = np.concatenate([stream[0] for stream in streams.values()])
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(times),
        simulated=False,
        period=period_of(times),
    )
    return table_of(streams, data)


def metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
    """The benchmark's score at its best threshold, and figures at the detector's own threshold."""
    figures = {
        "nab_score": nab_score(truth, predicted["score"]),
        **alarm_figures(truth, predicted["score"], THRESHOLD),
    }
    return {name: value for name, value in figures.items() if math.isfinite(value)}


class WindowedGaussian:
    """How far a reading is from the mean of a trailing window, reported at every reading."""

    name = "windowed Gaussian"

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """Scores with the threshold that the learnt readings rarely exceed."""
        contract = handler.contract
        ordinary = deviations(contract.matrix(learnt.columns), ("level",), 0.0)
        matrix = contract.matrix(asked.columns)
        deviation = deviations(matrix, ("level",), 0.0)
        threshold = max(float(np.quantile(ordinary, 1.0 - ALARM_RATE)), 1.0)
        outputs: Columns = {
            "score": deviation / (deviation + threshold),
            "expected": matrix[:, FEATURES.index("expected")],
        }
        return contract.respond(outputs)


def _stream(file: Source, labels: Mapping[str, Any]) -> Stream:
    table = CsvFile.parse(file, required=("timestamp", "value"))
    try:
        times = np.array([datetime.fromisoformat(text) for text in table.text("timestamp")], "datetime64[s]")
    except ValueError as error:
        raise DataError(f"{table.name}: a timestamp is no date and time: {error}") from error
    return times, table.numbers("value"), _windows(file, labels)


def _windows(file: Source, labels: Mapping[str, Any]) -> list[Window]:
    name = file.uri.rsplit("/", 1)[-1].removesuffix(".gz")
    keys = [key for key in labels if key.rsplit("/", 1)[-1] == name]
    if len(keys) != 1:
        raise DataError(f"{file.uri}: {len(keys)} entries in the labels for {name}, expected one")
    try:
        return [(_second(first), _second(last)) for first, last in labels[keys[0]]]
    except (TypeError, ValueError) as error:
        raise DataError(f"{file.uri}: its labels are no list of pairs of times") from error


def _second(text: str) -> np.datetime64:
    return np.datetime64(datetime.fromisoformat(text), "s")


def _found(file: Source) -> Mapping[str, Any]:
    folder = file.uri[: len(file.uri) - len(file.name)] or "./"
    scheme, path = ("s3://", folder.removeprefix("s3://")) if folder.startswith("s3://") else ("", folder)
    for place in _PLACES:
        for name in _LABELS:
            try:
                return _parsed(read_source(scheme + posixpath.normpath(posixpath.join(path, place, name))))
            except DataError:
                continue
    raise DataError(f"{file.uri}: no {' or '.join(_LABELS)} with labels beside it or above it")


def _parsed(source: Source) -> Mapping[str, Any]:
    try:
        labels = json.loads(source.data)
    except ValueError as error:
        raise DataError(f"{source.uri}: not JSON") from error
    if not isinstance(labels, dict):
        raise DataError(f"{source.uri}: the labels must be an object of windows by file")
    return labels


RECIPE = Recipe(
    endpoint=handler,
    title="Public safety",
    summary="Whether a reading of a city sensor is out of the ordinary, judged by its own past alone.",
    load=load,
    sample=simulate,
    candidates=(
        Detector("change", ("change",)),
        Detector("level", ("level",)),
        Detector("change or level", ("change", "level")),
    ),
    splitter=Grouped(n_folds=3, held_out=0.3),
    baseline=WindowedGaussian(),
    metrics=metrics,
    score="nab_score",
    greater_is_better=True,
    parity_tolerance=1e-3,
    # A handful of anomalies: one found or missed moves the score by more than the default allows.
    budget=Budget(worse=0.05),
    training_file=(
        "A CSV file per sensor, or a folder of them, as the Numenta Anomaly Benchmark has them: a header, "
        "`timestamp` (date and\n"
        "time) and `value`. The true anomalies are in `combined_windows.json` or `windows.json` in the same "
        "folder, beside it or in\n"
        "a folder `labels`: for each file a list of pairs of times."
    ),
    public_data=("anomaly_nab",),
    plots={"stream": plot_stream},
    limits=(
        (
            "Nothing is learnt but one threshold; windows and margin are fixed numbers, set while looking at "
            "the benchmark's ten series, so its score on these is somewhat optimistic."
        ),
        "A slow drift is not seen: each reading is compared with the hours before it.",
        "While a disturbance lasts, and for 48 readings after it, only a larger one is reported.",
    ),
)
