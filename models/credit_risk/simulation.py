"""Simulated card holders: six months of bills and payments, and whether the seventh goes wrong."""

import numpy as np
from numpy.typing import NDArray

from functions.credit_risk.handler import handler
from maas.artifact import digest_of
from maas.manifest import DataSource
from models.table import Table, checked_columns

_MONTHS = 6
_WOMEN = 0.6
_AT_EASE = -0.8  # below this strain bills are paid in full
_EDUCATIONS = np.array(["graduate school", "university", "high school", "other"], object)
_MARRIAGES = np.array(["married", "single", "other"], object)


def simulate(seed: int, *, holders: int = 2000) -> Table:
    """Simulated records with their outcomes, the same for the same seed; nobody in them exists."""
    generator = np.random.default_rng(seed)
    # How badly somebody is off; everything else follows from it, with noise.
    strain = generator.normal(size=holders)
    limit = np.round(np.clip(np.exp(11.8 - 0.4 * strain + generator.normal(0, 0.7, holders)), 1e4, 8e5), -4)
    used = np.clip(0.45 + 0.2 * strain + generator.normal(0, 0.2, holders), 0, 1.2)
    bills = np.round(limit[:, None] * used[:, None] * generator.normal(1, 0.08, (holders, _MONTHS)).clip(0.5))
    missed = generator.random((holders, _MONTHS)) < _logistic(1.2 * strain - 2.2)[:, None]
    share = np.where(strain < _AT_EASE, 1.0, 0.05)[:, None] * generator.lognormal(0, 0.3, (holders, _MONTHS))
    payments = np.round(np.where(missed, 0.0, bills * np.minimum(share, 1)))
    status = _status(missed, bills, payments)
    distress = 1.1 * strain + 0.9 * np.minimum(np.maximum(status[:, 0], 0), 2) - 2.2
    target = (generator.random(holders) < _logistic(distress)).astype(np.int64)
    values = {
        "credit_amount": limit.tolist(),
        "sex": np.where(generator.random(holders) < _WOMEN, "female", "male").tolist(),
        "age": np.round(np.clip(generator.gamma(12, 3, holders), 21, 79)).tolist(),
        "marriage": _MARRIAGES[generator.choice(3, holders, p=[0.45, 0.53, 0.02])].tolist(),
        "education": _EDUCATIONS[generator.choice(4, holders, p=[0.35, 0.47, 0.16, 0.02])].tolist(),
        "payment_status": status.tolist(),
        "bills": bills.tolist(),
        "payments": payments.tolist(),
    }
    name = f"simulated card holders, seed {seed}"
    data = DataSource(
        name=name,
        source="simulated: models/credit_risk/simulation.py",
        digest=digest_of(repr((values, target.tolist())).encode()),
        rows=holders,
        simulated=True,
    )
    columns = checked_columns(handler.contract, values, name=name, lines=range(holders))
    return Table(columns=columns, target=target, data=data)


def _status(
    missed: NDArray[np.bool_], bills: NDArray[np.float64], paid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Months late where nothing was paid, counted from the oldest month on; else how it was paid."""
    status = np.where(bills <= 0, -2.0, np.where(paid >= bills, -1.0, 0.0))
    late = np.zeros(len(missed))
    for month in range(_MONTHS - 1, -1, -1):
        late = np.where(missed[:, month] & (bills[:, month] > 0), late + 1, 0)
        status[:, month] = np.where(late > 0, late, status[:, month])
    return status


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = 1 / (1 + np.exp(-values))
    return odds
