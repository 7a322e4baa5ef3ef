"""How far a window may be from the training data before that means something.

Two sources of a limit: where training had times, what its own quiet stretches of the same length reached
(`maas.monitoring.Quiet`); elsewhere, what chance does to that many rows. Both allow for few rows.
"""

import math
from statistics import NormalDist

import numpy as np

from maas.monitor.drift import Figures, Floats, Reference, pooled
from maas.monitoring import Quiet

ALARM_RATE = 0.01
"""Of a window of rows drawn like the training data, over all its signals and figures together."""
LEAST_ROWS = 50
"""A window with fewer is not judged."""
LEAST = Figures(*(np.array([least]) for least in (0.1, 0.1, 0.02, 0.2)))
"""Nothing below these matters: by custom an index under 0.1 is stable."""
LEAST_MISSING = 0.02
_FEW = 5  # rows out of range are no news, however small the window
_FAMILIES = 3  # of figures whose limits come from chance


def limits(reference: Reference, repeated: Floats, rows: int, quiet: Quiet | None, trained: int) -> Figures:
    """The limits of one window, each of shape (s,).

    Args:
        reference: The training data.
        repeated: In it, the share of each signal's most frequent value, shape (s,).
        rows: Of the window.
        quiet: Stretches like the window, where training had times.
        trained: Rows of the training data.
    """
    by_chance = _by_chance(reference, repeated, rows, trained)
    if quiet is None:
        return by_chance
    # The stretches had rows enough of their own: only for fewer than that, chance adds to their limits.
    typical = _by_chance(reference, repeated, quiet.rows, trained)
    columns = (quiet.psi, quiet.ks, np.maximum(quiet.outside, _FEW / rows), quiet.repeated)
    return Figures(
        *(
            np.asarray(column) + np.maximum(0.0, few - usual)
            for column, few, usual in zip(columns, by_chance, typical, strict=True)
        )
    )


def quiet_for(stretches: tuple[Quiet, ...], hours: float) -> Quiet | None:
    """The longest stretches that a window of `hours` holds; None where it is shorter than all."""
    fitting = [quiet for quiet in stretches if quiet.hours <= hours * 1.01]
    return fitting[-1] if fitting else None


def _by_chance(reference: Reference, repeated: Floats, rows: int, trained: int) -> Figures:
    signals = len(reference.edges)
    level = ALARM_RATE / _FAMILIES / max(signals, 1)
    z = NormalDist().inv_cdf(1 - level)
    freedom = np.array([pooled(fractions).max() for fractions in reference.fractions], float)
    spread = 1 / rows + 1 / trained
    psi = _chi_squared(freedom, z) * spread
    # Kolmogorov's limit; the binned distance is smaller, so this errs on the quiet side.
    ks = np.full(signals, math.sqrt(-0.5 * math.log(level / 2) * spread))
    outside = np.full(signals, _FEW / rows)
    often = repeated + z * np.sqrt(repeated * (1 - repeated) / rows) + 3 / rows
    return Figures(
        *(np.maximum(least, one) for least, one in zip(LEAST, (psi, ks, outside, often), strict=True))
    )


def _chi_squared(freedom: Floats, z: float) -> Floats:
    """The quantile of the chi-squared distribution that belongs to the normal quantile z.

    Source: E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", PNAS 17, 1931.
    """
    k = np.maximum(freedom, 1.0)
    return np.where(freedom > 0, k * (1 - 2 / (9 * k) + z * np.sqrt(2 / (9 * k))) ** 3, 0.0)


def share_limit(expected: float, farthest: float, rows: int, *, tests: int) -> float:
    """How large a share may be where `expected` is usual, in one of `tests` comparisons.

    `farthest` is the largest share in any quiet stretch of the training data.
    """
    z = NormalDist().inv_cdf(1 - ALARM_RATE / max(tests, 1))
    usual = max(expected, farthest)
    return usual + z * math.sqrt(max(usual * (1 - usual), 1e-3) / rows) + LEAST_MISSING
