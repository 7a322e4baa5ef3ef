"""Committees: members that each miss a stretch of time, and the threshold found on those stretches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from maas.contract import Columns, Matrix
from maas.errors import DataError
from maas.manifest import DataSource
from maas.runtime import Session
from models.classifier import Classifier
from models.table import Table
from models.threshold import Committee, best_threshold

START = np.datetime64("2026-01-01T00:00", "s")


def _table(target: NDArray[np.int64], *, times: NDArray[np.datetime64] | None = None) -> Table:
    data = DataSource(name="made", source="made", digest="0" * 64, rows=len(target), simulated=True)
    return Table(columns={"one": np.zeros(len(target))}, target=target, data=data, times=times)


def _hours(count: int) -> NDArray[np.datetime64]:
    return START + np.arange(count) * np.timedelta64(1, "h")


@dataclass(frozen=True)
class Recorder:
    """A member that notes the rows it is given, and predicts how many of them were 1."""

    name: str = "recorder"
    seen: list[NDArray[Any]] = field(default_factory=list)

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        return {}

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> "Recorder":
        assert table.times is not None
        assert len(matrix) == len(table)
        self.seen.append(matrix[:, 0].copy())
        del seed
        return self

    def predict(self, matrix: Matrix) -> Columns:
        return {"probability": np.full(len(matrix), 0.5)}

    def to_onnx(self) -> bytes:
        return b""


def test_each_member_misses_one_stretch_of_time() -> None:
    """Whatever the order of the rows, the left-out stretches are consecutive hours and cover all rows."""
    order = np.random.default_rng(0).permutation(40)
    recorder = Recorder()
    table = _table((order % 2).astype(np.int64), times=_hours(40)[order])
    Committee("committee", recorder, members=4).fit(order[:, None].astype(np.float32), table, seed=0)
    missed = [sorted(set(range(40)) - {int(hour) for hour in seen}) for seen in recorder.seen]
    assert missed == [list(range(start, start + 10)) for start in (0, 10, 20, 30)]


def test_rows_are_limited() -> None:
    """No member gets more than the part that was drawn."""
    recorder = Recorder()
    table = _table(np.arange(100) % 2, times=_hours(100))
    Committee("committee", recorder, members=2, rows=20).fit(np.zeros((100, 1), np.float32), table, seed=0)
    assert sum(len(seen) for seen in recorder.seen) == 20


def test_without_enough_times_there_is_no_committee() -> None:
    """Stretches need times."""
    matrix = np.zeros((10, 1), np.float32)
    for times in (None, np.repeat(START, 10)):
        with pytest.raises(DataError, match="too few times"):
            Committee("committee", Recorder()).fit(matrix, _table(np.arange(10) % 2, times=times), seed=0)


def test_the_graph_gives_the_mean_and_the_threshold() -> None:
    """The ONNX file answers like the fitted committee, and says where the line is, for any number of rows."""
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(400, 3)).astype(np.float32)
    target = (matrix[:, 0] + generator.normal(0, 0.5, 400) > 0.8).astype(np.int64)
    member = Classifier("logistic", (0, 1), lambda _: LogisticRegression())
    committee = Committee("committee", member, members=3)
    fitted = committee.fit(matrix, _table(target, times=_hours(400)), seed=0)
    session = Session(fitted.to_onnx())
    for rows in (matrix, matrix[:1]):
        ours, theirs = fitted.predict(rows), session.run(rows)
        assert set(theirs) == {"probability", "threshold"}
        for name, column in ours.items():
            np.testing.assert_allclose(theirs[name].reshape(-1).astype(np.float64), column, atol=1e-6)
    assert fitted.found == {"threshold": pytest.approx(ours["threshold"][0])}


def test_the_threshold_lies_where_f1_is_best() -> None:
    """Probabilities that are all too low get a low threshold, all too high ones a high one."""
    truth = np.repeat([0, 1], 500)
    scores = np.concatenate([np.linspace(0.0, 0.5, 500), np.linspace(0.5, 1.0, 500)])
    assert best_threshold(truth, scores) == pytest.approx(0.5, abs=0.02)
    assert best_threshold(truth, scores * 0.6) == pytest.approx(0.3, abs=0.02)
    assert best_threshold(truth, 0.4 + scores * 0.6) == pytest.approx(0.7, abs=0.02)
