"""One node of a team, as a process: `python tests/team_member.py PORT FOLDER`, in a Batch node's environment.

The leader trains two networks, one after the other, and writes what it got; an assistant assists.
"""

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from maas.artifact import digest_of
from maas.manifest import DataSource
from models.assistant import assist
from models.augmentation import Warp
from models.batch_environment import BatchJob
from models.catalogue import find
from models.classifier import PROBABILITIES
from models.keras_layers import max_pooling
from models.keras_network import Network
from models.table import Table
from models.team import assembled

ROWS, SIDE = 96, 10


def build(keras: Any, width: int) -> Any:
    """Every kind of layer that the models have: what rows of others change (the normalisation) too."""
    del width
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            layers.Conv2D(4, 3, use_bias=False),
            max_pooling(keras),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


# Watched, so that both have to agree when to stop.
NETWORK = Network(
    "small",
    PROBABILITIES,
    build,
    "sparse_categorical_crossentropy",
    classes=tuple(range(10)),
    epochs=4,
    batch_size=32,
    learning_rate=5e-3,
    validation=0.2,
    patience=2,
    augment=Warp(SIDE, SIDE, shift=1.0, beyond=0.0),
)
RECIPE = replace(find("digits"), candidates=(NETWORK,))


def lesson() -> Table:
    """Images whose brightness tells the digit, more or less."""
    generator = np.random.default_rng(0)
    target = generator.integers(0, 10, ROWS)
    images = generator.random((ROWS, SIDE * SIDE)) * (target[:, None] + 1) / 5
    data = DataSource(name="t", source="t", digest=digest_of(b""), rows=ROWS, simulated=True)
    return Table(columns={"pixels": images.astype(np.float32)}, target=target, data=data)


def trained(seed: int) -> tuple[list[float], bytes]:
    """The losses of all epochs, and the artifact."""
    table = lesson()
    losses: list[float] = []
    handler = logging.Handler()
    handler.emit = lambda record: losses.append(float(record.args[-1]))  # type: ignore[index, arg-type, method-assign]
    logger = logging.getLogger("models.keras_network")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        fitted = NETWORK.fit(table.columns["pixels"], table, seed=seed)
    finally:
        logger.removeHandler(handler)
    return losses, fitted.to_onnx()


def main() -> None:
    """Lead, or help."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    with assembled(BatchJob.from_environment(), port=port, patience=120) as team:
        if team.rank:
            sys.stdout.write(f"assisted with {assist(RECIPE, team)}\n")
            return
        for seed in (0, 1):
            losses, artifact = trained(seed)
            (folder / f"{seed}.json").write_text(json.dumps(losses))
            (folder / f"{seed}.onnx").write_bytes(artifact)


if __name__ == "__main__":
    main()
