"""Keras networks: the same by the same seed, the same as ONNX, and a clear word where Keras is missing."""

import importlib.util
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from maas.artifact import digest_of
from maas.errors import ConfigurationError, DataError
from maas.manifest import DataSource
from maas.runtime import Session
from models.export import parity
from models.keras_network import Network
from models.table import Table

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="needs requirements/deep.txt"
)


def table(target: np.ndarray[Any, Any], **more: Any) -> Table:
    data = DataSource(name="t", source="t", digest=digest_of(b""), rows=len(target), simulated=True)
    return Table(columns={}, target=target, data=data, **more)


def dense(keras: Any, width: int) -> Any:
    layers = keras.layers
    hidden = [layers.Dense(8, activation="relu"), layers.Dropout(0.1), layers.Dense(4, activation="tanh")]
    return keras.Sequential([layers.Input((width,)), *hidden, layers.Dense(1, activation="sigmoid")])


def every_layer(keras: Any, _: int) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((9, 8, 2)),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.5),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", groups=2),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.Flatten(),
            layers.Dense(5),
            layers.BatchNormalization(scale=False, center=False),
            layers.Activation("softmax"),
        ]
    )


def pooled(keras: Any, _: int) -> Any:
    layers = keras.layers
    hidden = [layers.Conv2D(5, 2, dilation_rate=2), layers.GlobalAveragePooling2D(), layers.Softmax()]
    return keras.Sequential([layers.Input((9, 8, 2)), *hidden])


def rows(width: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(3, 5, (240, width)).astype(np.float32)


BINARY = Network(
    "dense",
    "probability",
    dense,
    "binary_crossentropy",
    epochs=20,
    batch_size=24,
    learning_rate=0.02,
    standardise=True,
)


@needs_keras
@pytest.mark.parametrize("build", [every_layer, pooled], ids=["every layer", "pooled"])
def test_images_export_exactly(build: Any) -> None:
    """Every kind of layer gives the same numbers in ONNX, with moments learnt and not square images."""
    matrix = rows(144)
    labels = np.array(["a", "b", "c", "d", "e"] * 48, object)
    network = Network(
        "n", "p", build, "sparse_categorical_crossentropy", classes=("a", "b", "c", "d", "e"), epochs=2
    )
    fitted = network.fit(matrix, table(labels), seed=0)
    artifact = fitted.to_onnx()
    assert parity(fitted, artifact, matrix, 1e-5).rows == 240
    assert Session(artifact).width == 144
    np.testing.assert_allclose(fitted.predict(matrix)["p"].sum(axis=1), 1, atol=1e-5)


@needs_keras
def test_dense_network_learns_and_repeats() -> None:
    """It finds a line in features that are not scaled; the same seed gives the same bytes, another others."""
    matrix = rows(6)
    truth = (matrix[:, 0] + matrix[:, 1] > 6).astype(float)
    fitted = BINARY.fit(matrix, table(truth), seed=1)
    assert np.mean((fitted.predict(matrix)["probability"] > 0.5) == truth) > 0.9
    artifact = fitted.to_onnx()
    assert parity(fitted, artifact, matrix, 1e-5).max_abs_difference < 1e-5
    assert BINARY.fit(matrix, table(truth), seed=1).to_onnx() == artifact
    assert BINARY.fit(matrix, table(truth), seed=2).to_onnx() != artifact


@needs_keras
def test_rare_classes_weigh_as_much() -> None:
    """Without features to go by, balance moves the answer from the frequency to a half."""
    matrix = np.zeros((240, 2), np.float32)
    truth = np.array([1.0] * 24 + [0.0] * 216)
    plain = Network("n", "p", dense, "binary_crossentropy", epochs=60, learning_rate=0.02)
    even = Network("n", "p", dense, "binary_crossentropy", epochs=60, learning_rate=0.02, balanced=True)
    assert plain.fit(matrix, table(truth), seed=0).predict(matrix)["p"][0] < 0.25
    assert even.fit(matrix, table(truth), seed=0).predict(matrix)["p"][0] == pytest.approx(0.5, abs=0.1)


@needs_keras
@pytest.mark.parametrize("by", ["times", "groups", "rows"])
def test_early_stop_goes_back_to_the_best(by: str, caplog: pytest.LogCaptureFixture) -> None:
    """Noise cannot be learnt: it stops long before the last epoch, whatever the watched rows go by."""
    generator = np.random.default_rng(0)
    matrix, truth = rows(6), generator.integers(0, 2, 240).astype(float)
    more = {
        "times": {"times": np.datetime64("2026-01-01", "s") + np.arange(240)},
        "groups": {"groups": np.arange(240) // 10},
        "rows": {},
    }[by]
    network = replace(BINARY, epochs=200, validation=0.25, patience=3)
    with caplog.at_level("INFO", logger="models.keras_network"):
        network.fit(matrix, table(truth, **more), seed=0)
    assert 4 <= len(caplog.records) < 100


@needs_keras
def test_enlarged_and_varied_rows_are_what_it_learns_from() -> None:
    """Rows made of rows reach the network, each with its target."""
    seen = []

    def varied(batch: Any, _: Any) -> Any:
        seen.append(len(batch))
        return batch

    def doubled(batch: Any, truth: Any) -> Any:
        return np.concatenate([batch, -batch]), np.concatenate([truth, 1 - truth])

    network = Network(
        "n", "p", dense, "binary_crossentropy", epochs=3, batch_size=50, enlarge=doubled, augment=varied
    )
    network.fit(rows(6), table(np.ones(240)), seed=0)
    # Ten steps of fifty rows: the last one is filled up.
    assert sum(seen) == 3 * 10 * 50


@needs_keras
def test_what_onnx_would_not_repeat_is_refused() -> None:
    """A layer or activation without an exact form is named."""

    def recurrent(keras: Any, width: int) -> Any:
        layers = keras.layers
        return keras.Sequential(
            [
                layers.Input((width,)),
                layers.Dense(4, activation="mish"),
                layers.Dense(1, activation="sigmoid"),
            ]
        )

    network = Network("n", "p", recurrent, "binary_crossentropy", epochs=1)
    with pytest.raises(ConfigurationError, match="mish"):
        network.fit(rows(3), table(np.ones(240)), seed=0).to_onnx()


@needs_keras
def test_a_class_that_is_none_is_refused() -> None:
    """A target beyond the classes is named before anything is trained."""
    network = Network("n", "p", every_layer, "sparse_categorical_crossentropy", classes=("a", "b"))
    with pytest.raises(DataError, match="'c' is none of the classes"):
        network.fit(rows(144), table(np.array(["a", "b", "c", "a"] * 60, object)), seed=0)


def test_missing_keras_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitting says what to install, and so does the candidate before it is tried."""
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ConfigurationError, match=r"requirements/deep\.txt"):
        BINARY.fit(rows(6), table(np.ones(240)), seed=0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert BINARY.missing() == (
        "keras and jax not installed; `pip install -r requirements/deep.txt` brings it"
    )
