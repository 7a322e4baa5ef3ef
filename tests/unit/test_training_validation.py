import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.artifact import digest_of
from maas.errors import DataError
from maas.manifest import DataSource
from models.table import Table
from models.validation import Fold, Grouped, TimeOrdered

DATA = DataSource(name="t", source="t", digest=digest_of(b""), rows=0, simulated=True)


def _table(hours: list[int], groups: list[int] | None = None) -> Table:
    times = np.datetime64("2020-01-01T00", "s") + np.array(hours) * np.timedelta64(1, "h")
    labels = None if groups is None else np.array(groups)
    return Table(columns={}, target=np.zeros(len(hours)), data=DATA, times=times, groups=labels)


@given(st.lists(st.integers(0, 24 * 20), min_size=1, max_size=200))
def test_time_ordered_folds_never_look_ahead(hours: list[int]) -> None:
    """Every judged day is later than every learnt one, in whatever order and however often hours occur."""
    table, splitter = _table(hours), TimeOrdered(n_folds=3, held_out=0.25)
    days = table.times.astype("datetime64[D]")  # type: ignore[union-attr]
    try:
        folds = [splitter.hold_out(table), *splitter.folds(table)]
    except DataError:
        assert len(np.unique(days)) <= 3
        return
    for fold in folds:
        assert len(fold.train)
        assert len(fold.test)
        assert days[fold.train].max() < days[fold.test].min()
    judged = np.concatenate([fold.test for fold in folds[1:]])
    assert len(np.unique(judged)) == len(judged)
    assert np.array_equal(np.sort(np.concatenate(folds[0])), np.arange(len(hours)))


def test_duplicated_hours_stay_on_one_side() -> None:
    """Rows of one hour, as several weather records give, are never on both sides of a fold."""
    hours = sorted(list(range(240)) * 3)
    table = _table(hours)
    for fold in (TimeOrdered().hold_out(table), *TimeOrdered().folds(table)):
        learnt, judged = (set(np.array(hours)[side].tolist()) for side in fold)
        assert not learnt & judged


@given(st.lists(st.integers(0, 30), min_size=1, max_size=100), st.integers(2, 5))
def test_groups_are_never_divided(groups: list[int], n_folds: int) -> None:
    """A group is on one side, every row is judged once, and the same seed deals the same folds."""
    table, splitter = _table(list(range(len(groups))), groups), Grouped(n_folds=n_folds)
    labels = np.array(groups)
    try:
        folds = splitter.folds(table)
    except DataError:
        assert len(set(groups)) <= n_folds
        return
    for fold in (*folds, splitter.hold_out(table)):
        assert not set(labels[fold.train].tolist()) & set(labels[fold.test].tolist())
        assert len(fold.train)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(len(groups)))
    assert _equal(folds, splitter.folds(table))


def test_time_order_needs_times() -> None:
    """Without times there is no order, and that is said."""
    table = Table(columns={}, target=np.zeros(3), data=DATA)
    with pytest.raises(DataError, match="no times"):
        TimeOrdered().hold_out(table)


def test_a_table_refuses_columns_of_other_lengths() -> None:
    """Columns, target, times and groups describe the same rows."""
    with pytest.raises(DataError, match="differ in length"):
        Table(columns={"a": np.zeros(2)}, target=np.zeros(3), data=DATA)


def _equal(ours: list[Fold], theirs: list[Fold]) -> bool:
    return all(
        np.array_equal(a, b)
        for one, other in zip(ours, theirs, strict=True)
        for a, b in zip(one, other, strict=True)
    )
