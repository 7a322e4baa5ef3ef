"""Training of traffic_signs on GTSRB, the German Traffic Sign Recognition Benchmark."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.traffic_signs.handler import CLASSES, SIDE, handler
from maas.contract import Matrix
from maas.manifest import DataSource
from models import image_plots
from models.augmentation import Warp
from models.baseline import MostFrequent
from models.classes import class_metrics
from models.classifier import PROBABILITIES, Classifier
from models.keras_layers import max_pooling
from models.keras_network import Network
from models.recipe import Recipe
from models.source import Source
from models.table import Table
from models.traffic_signs.pictures import read_signs
from models.traffic_signs.simulation import simulate
from models.validation import Grouped, Sampled

# What each sign is in a mirror: itself, or its counterpart to the other side.
_MIRRORED = {code: code for code in (11, 12, 13, 15, 17, 18, 22, 26, 30, 35)} | {
    19: 20,
    20: 19,
    33: 34,
    34: 33,
    36: 37,
    37: 36,
    38: 39,
    39: 38,
}
_UPSIDE_DOWN = {12: 12, 15: 15, 17: 17}
_HALF_TURNED = {32: 32}


def load(source: Source) -> Table:
    """Read GTSRB: an .npz file, or a folder or .zip of pictures; see `read_signs`.

    Pictures of one sign, taken one after another, are a group.

    Raises:
        DataError: None of these, or a picture or label cannot be used.
    """
    pixels, labels, signs = read_signs(source)
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=source.digest,
        rows=len(labels),
        simulated=False,
    )
    # Bytes need no check against 0 to 255, and as such an eighth of the memory.
    columns = {"pixels": pixels, "image": np.full(len(labels), None, object)}
    return Table(columns=columns, target=labels, data=data, groups=signs)


def mirrored(rows: Matrix, target: NDArray[Any]) -> tuple[Matrix, NDArray[Any]]:
    """The rows, and after them those that show a sign again when mirrored, turned over or turned round."""
    images = rows.reshape(-1, SIDE, SIDE)
    found, truth = [images], [target]
    for same, axes in ((_MIRRORED, (2,)), (_UPSIDE_DOWN, (1,)), (_HALF_TURNED, (1, 2))):
        chosen = np.flatnonzero(np.isin(target, list(same)))
        found.append(np.flip(images[chosen], axes))
        truth.append(np.array([same[code] for code in target[chosen].tolist()], target.dtype))
    return np.concatenate(found).reshape(-1, SIDE * SIDE), np.concatenate(truth)


def _dense(seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    # With this tolerance no pass counts as progress: it stops after the twelfth, as if done.
    return MLPClassifier((64,), batch_size=32, random_state=seed, tol=1e9, n_iter_no_change=11)


def _convolutional(keras: Any, width: int) -> Any:
    del width  # 32 x 32
    layers = keras.layers

    def block(filters: int, size: int, dropout: float) -> list[Any]:
        # Pooling first: normalising a quarter of the values gives the same and costs a quarter.
        return [
            layers.Conv2D(filters, size, padding="same", use_bias=False),
            max_pooling(keras),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dropout(dropout),
        ]

    return keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            *block(32, 5, 0.1),
            *block(64, 3, 0.2),
            *block(96, 3, 0.2),
            layers.Flatten(),
            layers.Dense(128, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dropout(0.4),
            layers.Dense(len(CLASSES), activation="softmax"),
        ]
    )


RECIPE = Recipe(
    endpoint=handler,
    title="Traffic signs",
    summary="Which of 43 German traffic signs a picture shows, with the three most probable ones.",
    load=load,
    sample=simulate,
    candidates=(
        Classifier("dense network", CLASSES, _dense, {"layers": "dense 64", "iterations": 12}),
        Network(
            "convolutional network",
            PROBABILITIES,
            _convolutional,
            "sparse_categorical_crossentropy",
            {
                "layers": "conv 32, pool, conv 64, pool, conv 96, pool, dense 128",
                "augmentation": "mirrored where a sign results; shift, turn, stretch, slant",
            },
            classes=CLASSES,
            epochs=20,
            batch_size=64,
            learning_rate=3e-3,
            enlarge=mirrored,
            augment=Warp(SIDE, SIDE, shift=2.5, turn=10, stretch=0.15, slant=0.1),
        ),
    ),
    splitter=Sampled(Grouped(n_folds=5, held_out=0.15), rows=3000, share=0.5),
    baseline=MostFrequent("sign"),
    metrics=class_metrics("sign"),
    score="accuracy",
    greater_is_better=True,
    parity_tolerance=1e-4,
    plots=image_plots.of_classes("sign", [str(one) for one in CLASSES], SIDE),
    training_file=(
        "One of three.\n\n"
        "- an `.npz` file: `images`, bytes of shape (n, height, width) or (n, height, width, 3); `labels`, "
        "the class 0 to 42 of each;\n"
        "  perhaps `names`, from which pictures of one sign are known\n"
        "- a folder or `.zip` file with a folder of pictures (`.ppm`, `.png`, `.jpg`) per class, named by "
        "its number\n"
        "- the same with GTSRB's tables beside the pictures: `;` between cells, columns `Filename` and "
        "`ClassId`"
    ),
    public_data=("traffic_signs_gtsrb/*.npz",),
    limits=(
        "One sign per picture, cut out with a little around it: it does not find signs in a street scene.",
        "It always names one of the 43: other signs, and pictures of none, get a name too.",
        "Colour is not used; what differs in colour alone it cannot tell apart.",
        "All pictures of one sign are on the same side of each split, as pictures of it are nearly alike.",
    ),
)
