"""Training of digits on MNIST."""

from typing import Any

import numpy as np

from functions.digits.handler import CLASSES, SIDE, handler
from maas.errors import DataError
from maas.manifest import DataSource
from models import image_plots
from models.augmentation import Warp
from models.baseline import MostFrequent
from models.classes import class_metrics
from models.classifier import PROBABILITIES, Classifier
from models.digits.idx import read_labelled_images
from models.digits.sample import sample
from models.keras_layers import max_pooling
from models.keras_network import Network
from models.recipe import Recipe
from models.source import Source
from models.table import Table
from models.validation import Grouped, Sampled


def load(source: Source) -> Table:
    """Read MNIST's IDX files: the images' file with the labels' beside it, or the folder of both.

    Raises:
        DataError: They are no such files, or hold no 28 x 28 images of the ten digits.
    """
    images, labels, digest = read_labelled_images(source)
    if images.shape[1:] != (SIDE, SIDE):
        raise DataError(f"{source.name}: images of {images.shape[1:]}, not {(SIDE, SIDE)}")
    if labels.max() >= len(CLASSES):
        raise DataError(f"{source.name}: a label is {labels.max()}, not 0 to 9")
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=digest,
        rows=len(labels),
        simulated=False,
    )
    # Bytes need no check against 0 to 255, and as such an eighth of the memory.
    columns = {"pixels": images.reshape(len(images), -1), "image": np.full(len(images), None, object)}
    return Table(columns=columns, target=labels.astype(np.int64), data=data)


def _dense(seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    # With this tolerance no pass counts as progress: it stops after the eighth, as if done.
    return MLPClassifier((64,), batch_size=64, random_state=seed, tol=1e9, n_iter_no_change=7)


def _convolutional(keras: Any, width: int) -> Any:
    del width  # 28 x 28
    layers = keras.layers

    def block(filters: int) -> list[Any]:
        # Pooling first: normalising a quarter of the values gives the same and costs a quarter.
        convolution = layers.Conv2D(filters, 3, use_bias=False)
        return [convolution, max_pooling(keras), layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    return keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            *block(32),
            *block(48),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(128, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Dense(len(CLASSES), activation="softmax"),
        ]
    )


RECIPE = Recipe(
    endpoint=handler,
    title="Digits",
    summary="Which handwritten digit a picture shows, with the probability of each.",
    load=load,
    sample=sample,
    candidates=(
        Classifier("dense network", CLASSES, _dense, {"layers": "dense 64", "iterations": 8}),
        Network(
            "convolutional network",
            PROBABILITIES,
            _convolutional,
            "sparse_categorical_crossentropy",
            {
                "layers": "conv 32, pool, conv 48, pool, dense 128",
                "augmentation": "shift, turn, stretch, slant",
            },
            classes=CLASSES,
            epochs=9,
            batch_size=64,
            learning_rate=2e-3,
            augment=Warp(SIDE, SIDE, shift=1.5, turn=8, stretch=0.08, slant=0.1, beyond=0.0),
        ),
    ),
    splitter=Sampled(Grouped(n_folds=5, held_out=1 / 12), rows=6000, share=0.5),
    baseline=MostFrequent("digit"),
    metrics=class_metrics("digit"),
    score="accuracy",
    greater_is_better=True,
    parity_tolerance=1e-4,
    # A second fit takes minutes, and adds a twelfth of the rows.
    refit=False,
    plots=image_plots.of_classes("digit", [str(one) for one in CLASSES], SIDE),
    training_file=(
        "MNIST's pair of IDX files, plain or gzip: `...images-idx3-ubyte` with 28 x 28 grey pictures and\n"
        "`...labels-idx1-ubyte` with the digits. Give the images' file, with the labels' file beside it, or "
        "the folder of both."
    ),
    public_data=("digits_mnist",),
    limits=(
        "One digit per picture: it does not find digits, nor does it tell that a picture shows none.",
        "Probabilities are those of a network trained on one collection; other pens and papers differ.",
        "The rows held out are random: writers of MNIST's images are not known, so some are on both sides.",
    ),
)
