"""The Wisconsin breast cancer set that comes with scikit-learn: real data that need no network.

Source: W. Wolberg, O. Mangasarian and W. Street, UCI Machine Learning Repository, 1995.
"""

import numpy as np

from functions.diagnosis.handler import handler
from maas.artifact import digest_of
from maas.manifest import DataSource
from models.table import Table, checked_columns

_MALIGNANT = 0


def load_breast_cancer_set() -> Table:
    """All 569 masses with their thirty measurements; the target is 1 for a malignant one."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    measured = np.asarray(bunch.data, np.float64)
    target = (np.asarray(bunch.target) == _MALIGNANT).astype(np.int64)
    name = "Wisconsin breast cancer, as in scikit-learn"
    data = DataSource(
        name=name,
        source="scikit-learn: datasets.load_breast_cancer",
        digest=digest_of(measured.tobytes() + target.tobytes()),
        rows=len(target),
        simulated=False,
    )
    values = {"measurements": measured.tolist()}
    columns = checked_columns(handler.contract, values, name=name, lines=range(len(target)))
    return Table(columns=columns, target=target, data=data)
