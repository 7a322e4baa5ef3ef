"""Figures of windows against training data, and the limits they are held to."""

import numpy as np
import pytest

from maas.metrics import bin_fractions, binned_kolmogorov_smirnov, population_stability_index, quantile_edges
from maas.monitor.drift import Figures, Floats, Reference, figures, pooled, settled, stability
from maas.monitor.limits import limits, quiet_for, share_limit
from maas.monitoring import Quiet

RNG = np.random.default_rng(5)


def drawn(rows: int) -> Floats:
    """Columns of several kinds: normal, skewed, rare yes, few values, constant."""
    columns = RNG.normal(size=(rows, 6))
    columns[:, 1] = np.exp(columns[:, 1])
    columns[:, 2] = columns[:, 2] > 2.2
    columns[:, 3] = np.round(columns[:, 3])
    columns[:, 4] = 7.0
    return columns


def reference_of(values: Floats) -> Reference:
    pairs = [settled(column, quantile_edges(column)) for column in values.T]
    edges, fractions = [edge for edge, _ in pairs], [fraction for _, fraction in pairs]
    return Reference(edges, fractions, values.min(axis=0), values.max(axis=0))


TRAINED = drawn(20_000)
REFERENCE = reference_of(TRAINED)
REPEATED = figures(REFERENCE, TRAINED, np.zeros(len(TRAINED), np.intp), 1).repeated[0]


def over(values: Floats) -> list[bool]:
    """Whether each signal of one window is beyond a limit of chance."""
    found = figures(REFERENCE, values, np.zeros(len(values), np.intp), 1)
    most = limits(REFERENCE, REPEATED, len(values), None, len(TRAINED))
    return [bool(any(f[0, s] > limit[s] for f, limit in zip(found, most, strict=True))) for s in range(6)]


def test_index_is_the_shared_one_where_nothing_is_rare() -> None:
    """Pooling and the floor are for small windows; a large one gets the index of maas.metrics."""
    values = RNG.normal(0.3, 1.2, 100_000)
    edges = REFERENCE.edges[0]
    shares = bin_fractions(values, edges)
    ours = stability(REFERENCE.fractions[0], shares[None, :], np.array([len(values)]))
    assert ours[0] == pytest.approx(population_stability_index(REFERENCE.fractions[0], shares), rel=1e-9)


def test_distance_is_the_shared_one() -> None:
    """The Kolmogorov-Smirnov distance at the edges is that of maas.metrics."""
    values = np.column_stack([RNG.normal(0.3, 1.2, 500)] * 6)
    found = figures(REFERENCE, values, np.zeros(500, np.intp), 1)
    for s in range(6):
        counts = np.bincount(
            np.searchsorted(REFERENCE.edges[s], values[:, s]), minlength=len(REFERENCE.fractions[s])
        )
        expected = binned_kolmogorov_smirnov(REFERENCE.fractions[s], counts)
        assert found.ks[0, s] == pytest.approx(expected.statistic)


def test_windows_do_not_mix() -> None:
    """Many windows at once give what each gives alone."""
    values = drawn(900)
    windows = np.repeat(np.arange(3), 300)
    together = figures(REFERENCE, values, windows, 3)
    for window in range(3):
        alone = figures(REFERENCE, values[windows == window], np.zeros(300, np.intp), 1)
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one[window], other[0])


@pytest.mark.parametrize(
    ("expected", "groups"),
    [
        ([0.25, 0.25, 0.25, 0.25], [0, 1, 2, 3]),
        ([0.01, 0.01, 0.49, 0.49], [0, 0, 1, 2]),
        ([0.005, 0.395, 0.6], [0, 0, 1]),
        ([1.0, 0.0], [0, 0]),
    ],
)
def test_rare_bins_share_a_group(expected: list[float], groups: list[int]) -> None:
    """A bin that hardly anything falls into is not compared by itself."""
    assert pooled(np.array(expected)).tolist() == groups


@pytest.mark.parametrize("rows", [50, 200, 2000])
def test_windows_drawn_like_training_stay_quiet(rows: int) -> None:
    """At most about one window in a hundred is beyond any limit, however few rows it has."""
    flagged = sum(any(over(drawn(rows))) for _ in range(300))
    assert flagged <= 9, flagged


@pytest.mark.parametrize("rows", [100, 1000])
def test_what_moved_is_flagged_and_nothing_else(rows: int) -> None:
    """A shift, a sensor that is stuck, values beyond the range, a class that was rare."""
    values = drawn(rows)
    values[:, 0] += 1.5
    values[:, 2] = RNG.random(rows) < 0.5
    values[:, 3] = 1.0
    values[:, 5] = np.where(np.arange(rows) % 10 == 0, 40.0, values[:, 5])
    assert over(values) == [True, False, True, True, False, True]
    found = figures(REFERENCE, values, np.zeros(rows, np.intp), 1)
    assert found.repeated[0, 3] == 1.0
    assert found.outside[0, 5] == pytest.approx(0.1)


def test_few_rows_widen_the_limits_of_quiet_stretches() -> None:
    """A sampled window has more chance in it than the stretches that its limits come from."""
    quiet = Quiet(
        hours=24,
        stretches=40,
        rows=1000,
        psi=(0.3,) * 6,
        ks=(0.2,) * 6,
        outside=(0.02,) * 6,
        repeated=(0.5,) * 6,
    )
    many = limits(REFERENCE, REPEATED, 1000, quiet, 20_000)
    few = limits(REFERENCE, REPEATED, 60, quiet, 20_000)
    np.testing.assert_allclose(many.psi, 0.3)
    assert (few.psi[[0, 1, 3]] > 0.45).all()
    assert (few.ks > 0.25).all()
    more = limits(REFERENCE, REPEATED, 5000, quiet, 20_000)
    assert isinstance(more, Figures)
    np.testing.assert_allclose(more.psi, 0.3)


def test_stretches_are_never_longer_than_the_window() -> None:
    """Half a day is held to nothing where the shortest stretch is a day."""
    column = (1.0,)
    stretches = tuple(
        Quiet(hours=hours, stretches=40, rows=50, psi=column, ks=column, outside=column, repeated=column)
        for hours in (24, 72, 168)
    )
    chosen = [quiet_for(stretches, hours) for hours in (12, 24, 100, 168, 1000)]
    assert [quiet and quiet.hours for quiet in chosen] == [None, 24, 72, 168, 168]


def test_share_of_missing_values_may_be_what_it_was() -> None:
    """One in twenty is no news where training had it, nor one in ten where a quiet week had that."""
    assert share_limit(0.05, 0.05, 400, tests=5) > 0.09
    assert share_limit(0.0, 0.0, 400, tests=5) < 0.05
    assert share_limit(0.0, 0.1, 400, tests=5) > 0.12


def test_another_machines_last_digits_move_nothing() -> None:
    """Sines of the hour are 0 on one machine and 1e-16 on another, on either side of it."""
    hours = np.tile(np.arange(24), 200)
    learnt = np.column_stack([np.sin(np.pi * hours), np.sin(np.pi * hours / 3), hours * 1e7])
    reference = reference_of(learnt)
    there = np.column_stack(
        [-np.sin(np.pi * hours), np.sin(np.pi * hours / 3).astype(np.float32), hours * 1e7 * (1 + 1e-8)]
    )[:240]
    found = figures(reference, there.astype(float), np.zeros(240, np.intp), 1)
    assert found.psi[0].max() < 0.02
    assert found.ks[0].max() < 0.02
    assert len(reference.edges[2]) >= 9
