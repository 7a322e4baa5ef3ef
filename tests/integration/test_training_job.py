import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maas.registry import Registry
from maas.shelf import Shelf
from models.evaluation import beats
from models.job import train
from models.traffic_flow.simulation import simulate
from models.traffic_flow.train import RECIPE

DATA = Path(os.environ.get("MAAS_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
METRO = DATA / "traffic_flow" / "metro_i94_2012-10_to_2017-09.csv.gz"
BOOSTED = replace(RECIPE, candidates=[one for one in RECIPE.candidates if one.name == "boosted trees"])


def test_a_trained_model_is_published_and_served(registry: Registry) -> None:
    """What training gives passes every check of the registry and of the function, and answers."""
    trained = train(replace(BOOSTED, sample=lambda seed: simulate(seed, days=60)))
    version = trained.publish(registry)
    registry.promote("traffic_flow", version, actor="test", reason="trained")
    contract = RECIPE.endpoint.contract
    shelf = Shelf(
        "traffic_flow", contract, lambda: registry, threads=1, refresh_seconds=0, report=lambda _: None
    )
    columns = contract.parse([{"timestamp": "2016-11-15T08:00:00"}, {"timestamp": "2016-11-15T03:00:00"}])
    morning, night = shelf.production().predict(columns)["vehicles_per_hour"]
    assert morning > 2 * night > 0


@pytest.mark.real_data
@pytest.mark.skipif(not METRO.is_file(), reason="the public data sets are not beside the checkout")
def test_real_traffic_is_forecast_better_than_by_the_mean() -> None:
    """On five measured years the boosted trees alone beat the hour-by-weekday mean by a tenth and more."""
    trained = train(BOOSTED, str(METRO))
    metrics, naive = trained.manifest.metrics, trained.manifest.baseline.metrics
    assert beats(RECIPE, metrics, naive)
    assert metrics["rmse"] < 0.9 * naive["rmse"]
    assert not trained.manifest.data.simulated
    assert np.isfinite(trained.evaluation.predicted["vehicles_per_hour"]).all()
