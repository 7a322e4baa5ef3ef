"""The public_safety model: the benchmark's score, windows of the past, labels found where they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.public_safety.handler import FEATURES, FEWEST, HISTORY, MEMORY, handler
from maas.errors import DataError
from models.public_safety.detector import Detector, deviations
from models.public_safety.nab import FALSE_ALARM, LABELS, alarm_figures, nab_score, scaled_sigmoid
from models.public_safety.streams import histories_of
from models.public_safety.train import RECIPE, load
from models.source import read_source


def labels_of(length: int, *windows: tuple[int, int], series: str = "a") -> np.ndarray:
    """Labels of one series with windows from first to last reading."""
    labels = np.zeros(length, LABELS)
    labels["series"], labels["length"], labels["position"] = series, length, np.arange(length)
    labels["window"] = -1
    for number, (first, last) in enumerate(windows):
        labels["window"][first : last + 1] = number
    return labels


def scores_of(length: int, *alarms: int) -> np.ndarray:
    """Ones at the alarms, zeros elsewhere."""
    scores = np.zeros(length)
    scores[list(alarms)] = 1.0
    return scores


def test_perfect_and_silent_detectors_mark_the_scale() -> None:
    """The first reading of every window and nothing else scores 100; the same score everywhere scores 0."""
    labels = labels_of(1000, (300, 399), (700, 799))
    assert nab_score(labels, scores_of(1000, 300, 700)) == pytest.approx(100)
    assert nab_score(labels, np.zeros(1000)) == 0


def test_later_detections_earn_less_and_false_alarms_cost() -> None:
    """Figures worked out by hand: one window found half-way, and one false alarm before it."""
    labels = labels_of(1000, (500, 599))
    half = float(scaled_sigmoid(np.array(-0.5)) / scaled_sigmoid(np.array(-1.0)))
    assert nab_score(labels, scores_of(1000, 550)) == pytest.approx(100 * (half + 1) / 2)
    with_alarm = 100 * (half - FALSE_ALARM + 1) / 2
    assert nab_score(labels, scores_of(1000, 550, 400)) == pytest.approx(with_alarm)
    # Right behind the window an alarm is almost forgiven.
    assert nab_score(labels, scores_of(1000, 550, 600)) > with_alarm


def test_probation_does_not_count() -> None:
    """Alarms among the first 15 % of the readings neither earn nor cost."""
    labels = labels_of(1000, (500, 599))
    assert nab_score(labels, scores_of(1000, 500, 10, 149)) == pytest.approx(100)
    assert nab_score(labels, scores_of(1000, 500, 150)) < 100


def test_one_threshold_serves_all_series() -> None:
    """A series that shouts louder spoils the threshold of the others."""
    labels = np.concatenate([labels_of(1000, (500, 599)), labels_of(1000, (500, 599), series="b")])
    loud = scores_of(1000, 500) * 10
    loud[300] = 9.0
    assert nab_score(labels, np.concatenate([scores_of(1000, 500), scores_of(1000, 500)])) == pytest.approx(
        100
    )
    assert nab_score(labels, np.concatenate([scores_of(1000, 500), loud])) == pytest.approx(
        100 * (4 - FALSE_ALARM) / 4
    )


def test_rows_may_come_in_any_order() -> None:
    """Shuffled rows give the same figures."""
    labels, scores = labels_of(1000, (500, 599)), scores_of(1000, 520, 300)
    order = np.random.default_rng(0).permutation(1000)
    assert nab_score(labels[order], scores[order]) == nab_score(labels, scores)
    assert alarm_figures(labels[order], scores[order], 0.5) == {
        "recall": 1.0,
        "precision": 0.5,
        "false_alarms_per_1000": pytest.approx(1000 / 750),
    }


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3 * HISTORY), st.integers(0, 2**32 - 1))
def test_the_future_changes_nothing(length: int, seed: int) -> None:
    """A reading's features stay what they are whatever is read later."""
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(length)
    other = np.append(values[:-1], 1e9)
    matrices = []
    for series in (values, other):
        times = np.datetime64("2026-01-01", "s") + np.arange(length)
        columns = {"timestamp": times, "value": series, "history": histories_of(series)}
        matrices.append(handler.contract.matrix(columns))
    np.testing.assert_array_equal(matrices[0][:-1], matrices[1][:-1])


def test_a_short_history_is_a_long_one_cut_off() -> None:
    """What is left out at the far end of a full history changes nothing that is near enough."""
    values = np.random.default_rng(1).standard_normal(60)
    histories = histories_of(values)
    assert np.isnan(histories[0]).all()
    np.testing.assert_array_equal(histories[3][:3], values[:3])
    assert np.isnan(histories[3][3:]).all()
    np.testing.assert_array_equal(histories_of(np.arange(400.0))[-1], np.arange(399.0 - HISTORY, 399.0))


def test_a_jump_is_reported_once() -> None:
    """A level shift stands out at its first reading, and is silent while it lasts."""
    generator = np.random.default_rng(2)
    values = generator.standard_normal(400) + np.where(np.arange(400) >= 250, 30.0, 0.0)
    times = np.datetime64("2026-01-01", "s") + np.arange(400)
    columns = {"timestamp": times, "value": values, "history": histories_of(values)}
    found = deviations(handler.contract.matrix(columns), ("change",), 1.3)
    assert found.argmax() == 250
    assert found[250] > 10
    assert found[251 : 251 + MEMORY].max() == 0
    assert found[:FEWEST].max() == 0


def test_a_constant_sensor_is_ordinary() -> None:
    """No noise, no alarm; and the first change after it is one."""
    values = np.append(np.full(300, 5.0), 6.0)
    times = np.datetime64("2026-01-01", "s") + np.arange(301)
    columns = {"timestamp": times, "value": values, "history": histories_of(values)}
    matrix = handler.contract.matrix(columns)
    assert matrix[:300, FEATURES.index("change")].max() == 0
    assert matrix[300, FEATURES.index("change")] > 100


def test_labels_are_not_learnt_from() -> None:
    """Other labels, same detector."""
    table = RECIPE.sample(0)
    matrix = handler.contract.matrix(table.columns)
    unlabelled = replace(table, target=labels_of(len(table)))
    one = Detector("change", ("change",)).fit(matrix, table, seed=0)
    two = Detector("change", ("change",)).fit(matrix, unlabelled, seed=0)
    assert one.threshold == two.threshold


def write_series(folder: Path, name: str = "x.csv") -> Path:
    """A short series in the benchmark's format."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"2026-01-01 {minute // 60:02d}:{minute % 60:02d}:00,{minute}" for minute in range(0, 300, 5)]
    (folder / name).write_text("\n".join(["timestamp,value", *lines]) + "\n")
    return folder / name


@pytest.mark.parametrize(
    "place", ["data/real/windows.json", "data/windows.json", "labels/combined_windows.json"]
)
def test_labels_are_found_where_the_benchmark_keeps_them(tmp_path: Path, place: str) -> None:
    """Beside the file, above it, or in the folder of labels beside the folder of data."""
    file = write_series(tmp_path / "data" / "real")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    window = ["2026-01-01 01:00:00.000000", "2026-01-01 02:00:00.000000"]
    (tmp_path / place).write_text(json.dumps({"real/x.csv": [window]}))
    table = load(read_source(str(file)))
    assert len(table) == 60
    assert np.flatnonzero(table.target["window"] == 0).tolist() == list(range(12, 25))


def test_series_without_labels_is_refused(tmp_path: Path) -> None:
    """Nothing is judged without labels, and the message says where they are looked for."""
    file = write_series(tmp_path)
    with pytest.raises(DataError, match=r"windows\.json"):
        load(read_source(str(file)))
    (tmp_path / "windows.json").write_text("{}")
    with pytest.raises(DataError, match=r"x\.csv"):
        load(read_source(str(file)))
