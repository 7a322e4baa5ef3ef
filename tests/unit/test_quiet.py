"""What training tells the monitor: limits that its own quiet stretches stay within, ranges, gaps."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from maas.manifest import Manifest
from maas.monitor.drift import Reference, figures
from maas.monitor.score import JUDGED
from maas.monitoring import Monitoring, Quiet
from models.evaluation import Evaluation, regression_metrics
from models.quiet import monitoring, stretches, worst_weeks
from tests import tiny_model
from tests.trained_models import trained
from tests.watched import readings, watched_version

HOUR = np.timedelta64(3600, "s")
START = np.datetime64("2026-01-01T00", "s")


def watched(times: Any = None, **changes: Any) -> Monitoring:
    contract = tiny_model.endpoint().contract
    columns = readings(2000, seed=8, **changes)
    matrix = contract.matrix(columns)
    return monitoring(
        contract, columns, matrix, {"volume": matrix.sum(axis=1)}, times=times, distributions={}, worst={}
    )


def test_stretches_of_training_stay_within_their_own_limits() -> None:
    """The limits are what the farthest stretch reached, and more: none of them would be called drift."""
    found, _ = watched_version(times=True)
    assert found.monitoring is not None
    contract = tiny_model.endpoint().contract
    columns = {**readings(5000), "timestamp": START + np.arange(5000) * HOUR}
    matrix = contract.matrix(columns)
    signals = np.column_stack([matrix, tiny_model.Session(tiny_model.graph()).run(matrix)["volume"]]).astype(
        float
    )
    histograms = [
        found.monitoring.histograms.get(name) or found.distributions[name.removeprefix("prediction.")]
        for name in found.monitoring.signals
    ]
    reference = Reference(
        [np.array(histogram.edges) for histogram in histograms],
        [np.array(histogram.fractions) for histogram in histograms],
        np.array(found.monitoring.low),
        np.array(found.monitoring.high),
    )
    for quiet in found.monitoring.quiet:
        inside, numbers, rows = stretches(columns["timestamp"], quiet.hours, least=20)
        reached = figures(reference, signals[inside], numbers[inside], len(rows))
        for name, values in zip(reached._fields, reached, strict=True):
            assert (values.max(axis=0) <= np.array(getattr(quiet, name)) + 1e-9).all(), (quiet.hours, name)


def test_without_times_there_are_no_stretches() -> None:
    """Rows that come in no order are held to chance alone."""
    assert watched().quiet == ()


def test_too_few_stretches_make_no_limits() -> None:
    """Ten days say little about what a day may be like."""
    assert watched(times=START + np.arange(2000) * np.timedelta64(420, "s")).quiet == ()


def test_missing_values_and_ranges_are_told() -> None:
    """The share of records without a value, in all and in the worst week; the least and the greatest seen."""
    rain = np.where((np.arange(2000) // 168 == 5), np.nan, 1.0)
    found = watched(times=START + np.arange(2000) * HOUR, rain=rain)
    assert found.missing["rain"] == (0.084, 0.084)  # under thirty weeks: no worst one
    assert set(found.missing) == {"rain"}
    place = found.signals.index("temperature")
    assert found.low[place] < 0
    assert 20 < found.high[place] <= 60
    assert found.rows == 2000


def test_histograms_that_the_manifest_lacks_are_added() -> None:
    """Yes or no, classes and summaries have no distribution of their own in the manifest."""
    assert set(watched().histograms) == {*tiny_model.FEATURES, "prediction.volume"}
    complete, _ = watched_version()
    assert complete.monitoring is not None
    # Edges a hair's breadth below the least value are of no use where machines differ by as much.
    assert set(complete.monitoring.histograms) == {"rain", "wet", "lanes"}
    assert complete.monitoring.histograms["wet"].edges == (0.0, 1.0)


def test_large_tables_are_thinned_out() -> None:
    """Fifty thousand rows are enough for a histogram."""
    contract = tiny_model.endpoint().contract
    columns = readings(60_000)
    matrix = contract.matrix(columns)
    answers = {"volume": matrix[:, 0]}
    found = monitoring(contract, columns, matrix, answers, times=None, distributions={}, worst={})
    assert found.rows == 50_000


def test_worst_week_of_the_held_out_rows() -> None:
    """One bad week among fourteen is what live metrics may come to."""
    rows = 14 * 168
    truth = np.zeros(rows) + 100.0
    error = np.where(np.arange(rows) // 168 == 9, 8.0, 2.0)
    table = type(
        "Held", (), {"times": np.datetime64("1970-01-01T00", "s") + np.arange(rows) * HOUR, "target": truth}
    )()
    metrics = regression_metrics("volume")
    predicted = {"volume": truth + error}
    recipe = type("Recipe", (), {"metrics": staticmethod(metrics)})()
    evaluation = Evaluation(table, predicted, predicted, metrics(truth, predicted), {})
    worst = worst_weeks(recipe, evaluation)
    assert worst["rmse"] == worst["mae"] == 8.0
    assert set(worst) <= JUDGED
    few = replace(evaluation, table=type("Held", (), {"times": table.times[:500], "target": truth[:500]})())
    assert worst_weeks(recipe, replace(few, predicted={"volume": predicted["volume"][:500]})) == {}
    assert worst_weeks(recipe, replace(few, table=type("Held", (), {"times": None})())) == {}


def test_trained_manifests_say_what_to_watch() -> None:
    """Training puts it there; the manifest survives its JSON, and old ones without it are read as before."""
    manifest = trained("traffic_flow").manifest
    assert manifest.monitoring is not None
    assert manifest.monitoring.signals[-1] == "prediction.vehicles_per_hour"
    assert [outcome.field for outcome in manifest.monitoring.outcomes] == ["vehicles_per_hour"]
    assert Manifest.from_json(manifest.to_json()) == manifest
    bare, _ = tiny_model.version()
    assert bare.monitoring is None
    assert b"monitoring" not in bare.to_json()


def test_figures_belong_to_signals() -> None:
    """A signal without its limits would be a signal that nobody watches."""
    quiet = Quiet(hours=24, stretches=40, rows=24, psi=(1.0,), ks=(1.0,), outside=(1.0,), repeated=(1.0,))
    good: dict[str, Any] = {
        "rows": 1,
        "signals": ("a",),
        "low": (0,),
        "high": (1,),
        "repeated": (1,),
        "quiet": (quiet,),
    }
    assert Monitoring(**good)
    for broken in ({"low": ()}, {"quiet": (quiet.model_copy(update={"psi": ()}),)}):
        with pytest.raises(ValidationError):
            Monitoring(**{**good, **broken})
