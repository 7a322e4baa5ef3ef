"""A simulated motorway: eight detectors in a row, jams that grow upstream at rush hours."""

import numpy as np

from maas.artifact import digest_of
from models.congestion.clock import START, STEP
from models.congestion.detectors import Detectors
from models.congestion.windows import windows
from models.table import Table

_PER_DAY = 288
_DETECTORS = 8
_MISSING = 0.005
_LEAST_WEIGHT = 0.1  # the literature's adjacency leaves smaller ones out


def simulate(seed: int, *, days: float = 2.5) -> Table:
    """Simulated speeds in windows, the same for the same seed; nothing in them was measured."""
    generator = np.random.default_rng(seed)
    rows = np.arange(round(days * _PER_DAY))
    places = np.arange(_DETECTORS)
    # Density in units of capacity: two rush hours, each with its bottleneck, felt later upstream.
    density = np.full((len(rows), _DETECTORS), 0.45)
    for centre, width, bottleneck in ((7.75, 1.3, 3), (17.25, 1.8, 6)):
        behind = np.abs(places - bottleneck)
        hours = (rows / 12)[:, None] % 24 - centre - 0.12 * behind
        density += 0.75 * np.exp(-0.5 * (hours / width) ** 2) * np.exp(-behind / 4)
    swing = np.zeros_like(density)
    shocks = generator.normal(0, 0.02, density.shape)
    for row in range(1, len(rows)):
        # What happens at a detector reaches the next one upstream five minutes later.
        swing[row] = 0.7 * swing[row - 1] + 0.25 * np.roll(swing[row - 1], -1) + shocks[row]
    speeds = 65 - 50 / (1 + np.exp(-9 * (density + swing - 0.95)))
    speeds = np.clip(speeds + generator.normal(0, 1.0, speeds.shape), 1, 80).round(3)
    speeds[generator.random(speeds.shape) < _MISSING] = 0
    adjacency = np.exp(-((np.subtract.outer(places, places) / 3.0) ** 2))
    detectors = Detectors(
        START + STEP * rows,
        speeds,
        np.where(adjacency > _LEAST_WEIGHT, adjacency, 0),
        digest_of(speeds.tobytes()),
    )
    return windows(
        detectors,
        name=f"simulated motorway, seed {seed}",
        source="simulated: models/congestion/simulation.py",
        simulated=True,
    )
