"""What congestion and its training promise beyond every model's contract."""

import gzip
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from numpy.typing import NDArray

from functions.congestion.handler import DETECTORS, FEATURES, READINGS, complete, handler, respond
from maas.errors import DataError
from models.congestion.clock import START, STEP, start_by_rhythm
from models.congestion.detectors import nearest, read_detectors
from models.congestion.train import RECIPE, load
from models.source import read_source

SPEEDS = np.round(60 + np.add.outer(np.arange(20), np.arange(3)) / 10, 1)
TUESDAY = np.datetime64("2020-05-05T05:00", "s")
ADJACENCY = np.array([[1, 0.5, 0], [0.5, 1, 0.9], [0, 0.9, 1]])


def _write(folder: Path, speeds: NDArray[Any], *, index: list[str] | None = None, label: str = "") -> Path:
    names = [f"d{number}" for number in range(speeds.shape[1])]
    lines = [",".join([label, *names] if index else names)]
    for number, row in enumerate(speeds.tolist()):
        lines.append(",".join([*([index[number]] if index else []), *map(str, row)]))
    (folder / "los_adj.csv").write_text("\n".join(",".join(map(str, row)) for row in ADJACENCY.tolist()))
    file = folder / "los_speed_part.csv.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    return file


def test_there_are_a_hundred_inputs() -> None:
    """8 x 12 speeds, detector by detector and oldest first, then four terms of the time of day."""
    speeds = np.arange(1.0, 97.0).reshape(DETECTORS, READINGS)
    record = {"timestamp": "2012-03-05T06:00:00", "speeds": speeds.tolist()}
    matrix = handler.contract.matrix(handler.contract.parse([record]))
    assert matrix.shape == (1, 100) == (1, len(FEATURES))
    assert matrix[0, :96].tolist() == list(range(1, 97))
    assert (FEATURES[0], FEATURES[12]) == ("speed_0_55_minutes_ago", "speed_1_55_minutes_ago")
    np.testing.assert_allclose(matrix[0, 96:], [1, 0, 0, -1], atol=1e-6)


@given(
    st.lists(
        st.lists(st.none() | st.just(0.0) | st.floats(1, 120), min_size=READINGS, max_size=READINGS),
        min_size=DETECTORS,
        max_size=DETECTORS,
    )
)
def test_no_reading_leaves_no_gap(speeds: list[list[float | None]]) -> None:
    """Readings stay; null and 0 take the detector's reading before or after, or the first detector's."""
    sent = np.array([speeds], np.float64)
    before = sent.copy()
    filled = complete(sent)[0]
    np.testing.assert_array_equal(sent, before)
    read = sent[0] > 0
    np.testing.assert_array_equal(filled[read], sent[0][read])
    for detector in range(DETECTORS):
        if not read[detector].any():
            np.testing.assert_array_equal(filled[detector], filled[0] if detector else 62.0)
            continue
        for place in np.flatnonzero(~read[detector]):
            known = np.flatnonzero(read[detector])
            nearest_before = known[known < place]
            source = nearest_before[-1] if len(nearest_before) else known[0]
            assert filled[detector, place] == sent[0, detector, source]


def test_congested_is_decided_by_the_versions_threshold() -> None:
    """At the threshold the answer is yes."""
    outputs = {"probability": np.array([0.39, 0.4, 0.9]), "threshold": np.full(3, 0.4)}
    assert respond(outputs)["congested"].tolist() == [False, True, True]


def test_nearest_goes_by_weight_then_by_way_then_by_column() -> None:
    """Itself, the adjacent by weight, the others by the way through them; the rest is itself again."""
    adjacency = np.array(
        [
            [0.0, 0.5, 0.9, 0.0, 0.5, 0.0],
            [0.5, 1.0, 0.0, 0.0, 0.0, 0.0],
            [0.9, 0.0, 1.0, 0.8, 0.0, 0.0],
            [0.0, 0.0, 0.8, 1.0, 0.0, 0.0],
            [0.5, 0.0, 0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        ]
    )
    found = nearest(adjacency, 6)
    assert found[0].tolist() == [0, 2, 1, 4, 3, 0]
    assert found[1].tolist() == [1, 0, 2, 3, 4, 1]
    assert found[5].tolist() == [5] * 6


def test_rows_are_an_hour_and_what_follows_fifteen_minutes_later(tmp_path: Path) -> None:
    """Each detector and time with a full past and a target, the detector's own hour first."""
    speeds = SPEEDS.copy()
    speeds[14, 1] = 39.9
    table = load(read_source(str(_write(tmp_path, speeds))))
    assert len(table) == (20 - 11 - 3) * 3 == table.data.rows
    assert table.target.tolist() == [0, 1, 0] + [0] * 15
    np.testing.assert_array_equal(table.columns["speeds"][1, 0], speeds[:12, 1])
    np.testing.assert_array_equal(table.columns["speeds"][1, 1], speeds[:12, 2])
    assert table.columns["timestamp"][0] == START + 11 * STEP


def test_a_missing_target_is_no_row(tmp_path: Path) -> None:
    """0 is no speed, now or to come: such rows are neither learnt from nor judged."""
    speeds = SPEEDS.copy()
    speeds[14, 1] = speeds[11, 2] = 0
    assert len(load(read_source(str(_write(tmp_path, speeds))))) == 18 - 3


@pytest.mark.parametrize(
    ("index", "label", "first"),
    [
        ([str(1612 + row) for row in range(20)], "", "2012-03-06T14:20"),
        ((TUESDAY + STEP * np.arange(20)).astype(str).tolist(), "timestamp", "2020-05-05T05:00"),
    ],
    ids=["row numbers", "times"],
)
def test_times_in_the_file_are_used(tmp_path: Path, index: list[str], label: str, first: str) -> None:
    """A first column of times, or of the rows' numbers in the whole archive, tells the time."""
    detectors = read_detectors(read_source(str(_write(tmp_path, SPEEDS, index=index, label=label))))
    assert detectors.times[0] == np.datetime64(first)
    np.testing.assert_array_equal(detectors.speeds, SPEEDS)


def test_a_folder_holds_the_pair(tmp_path: Path) -> None:
    """The folder of both says the same as the file with the other beside it."""
    file = _write(tmp_path, SPEEDS)
    alone, folder = read_detectors(read_source(str(file))), read_detectors(read_source(str(tmp_path)))
    assert alone.digest == folder.digest
    np.testing.assert_array_equal(alone.adjacency, folder.adjacency)


def test_the_network_of_the_same_name_is_taken(tmp_path: Path) -> None:
    """Of two adjacency files the one named like the speeds; with neither, what is there is said."""
    file = _write(tmp_path, SPEEDS)
    (tmp_path / "sz_adj.csv").write_text("1")
    assert len(read_detectors(read_source(str(file))).adjacency) == 3
    (tmp_path / "los_adj.csv").rename(tmp_path / "bay_adj.csv")
    with pytest.raises(DataError, match=r"2 files like \*adj\* beside it"):
        read_detectors(read_source(str(file)))


@mock_aws
def test_the_pair_may_lie_in_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object is found beside another, not in the folders below."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    file = _write(tmp_path, SPEEDS)
    client = boto3.client("s3")
    client.create_bucket(Bucket="roads")
    for path in tmp_path.iterdir():
        client.put_object(Bucket="roads", Key=f"la/{path.name}", Body=path.read_bytes())
    client.put_object(Bucket="roads", Key="la/old/los_adj.csv", Body=b"1")
    detectors = read_detectors(read_source(f"s3://roads/la/{file.name}"))
    np.testing.assert_array_equal(detectors.adjacency, ADJACENCY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda speeds: speeds[:14], "14 rows; 15 are needed"),
        (lambda speeds: speeds * 0, "no detector has two readings"),
        (lambda speeds: speeds * 3, r"line 2: column 'd0': 180 is no speed in mph"),
        (lambda speeds: speeds[:, :2], "3 fields, expected are 2"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    """What is wrong is said, with the line where there is one."""
    with pytest.raises(DataError, match=message):
        load(read_source(str(_write(tmp_path, change(SPEEDS)))))


def test_uneven_times_are_refused(tmp_path: Path) -> None:
    """A missing row would make an hour of more than an hour."""
    index = [str(number) for number in (*range(10), *range(11, 21))]
    with pytest.raises(DataError, match="line 12: times must be five minutes apart"):
        load(read_source(str(_write(tmp_path, SPEEDS, index=index))))


@pytest.mark.parametrize("shift", [0, 60, 172, 250])
def test_the_rush_hours_tell_the_time_of_a_part(shift: int) -> None:
    """A day and a half cut out of the middle is placed at its time of day, to half an hour."""
    hours = np.arange(3 * 288) / 12 % 24
    slow = np.exp(-0.5 * ((hours - 7.5) / 1.2) ** 2) + np.exp(-0.5 * ((hours - 17) / 1.7) ** 2)
    level = np.linspace(0.1, 1, 30)
    speeds = np.where(slow[:, None] > level, 30.0, 60.0)
    found = start_by_rhythm(speeds[shift : shift + 432]) - START
    assert abs(found - shift * STEP) <= np.timedelta64(30, "m")


def test_without_rhythm_the_clock_starts_at_midnight() -> None:
    """Less than a day, or free flow throughout, gives no reason to doubt the position."""
    assert start_by_rhythm(np.full((100, 3), 30.0)) == START
    assert start_by_rhythm(np.full((400, 3), 60.0)) == START


def test_persistence_says_what_is_now() -> None:
    """The baseline answers both fields, and is never in doubt."""
    table = RECIPE.sample(0)
    answers = RECIPE.baseline.predict(table, table)
    now = table.columns["speeds"][:, 0, -1] < 40
    assert np.array_equal(answers["congested"], now)
    assert set(np.unique(answers["probability"])) == {0.0, 1.0}
