"""Large models: weights in a file of their own, read in ranges, verified, mapped."""

from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from sklearn.neural_network import MLPRegressor

import models.weights
from maas.artifact import Blob
from maas.errors import BrokenArtifact, ConfigurationError, DigestMismatch
from maas.registry import Registry
from maas.runtime import Session
from maas.serving import load
from maas.store import ObjectStore
from maas.weights import FILE, MEDIA_TYPE, fetched
from models.catalogue import find
from models.job import train
from models.scikit import Regressor
from models.weights import apart, parted

DATA = np.random.default_rng(0).bytes(50_000)


def dense(width: int, layers: int, seed: int = 0) -> onnx.ModelProto:
    """Layers of width x width, and a last one to one number."""
    source = np.random.default_rng(seed)
    nodes, weights, at = [], [], "features"
    for layer in range(layers):
        shape = (width, width) if layer < layers - 1 else (width, 1)
        made = source.normal(0, 1 / np.sqrt(width), shape).astype(np.float32)
        weights.append(numpy_helper.from_array(made, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [at, f"w{layer}"], [f"y{layer}"]))
        at = f"y{layer}"
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])]
    outputs = [helper.make_tensor_value_info(at, TensorProto.FLOAT, [None, 1])]
    graph = helper.make_graph(nodes, "dense", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@settings(max_examples=15, deadline=None)
@given(width=st.integers(2, 60), layers=st.integers(1, 4), seed=st.integers(0, 9))
def test_a_graph_taken_apart_computes_the_same(
    tmp_path_factory: pytest.TempPathFactory, width: int, layers: int, seed: int
) -> None:
    """Whatever the sizes of its tensors, graph and file together answer as the whole did."""
    whole = dense(width, layers, seed).SerializeToString()
    graph, weights = apart(onnx.load_model_from_string(whole))
    folder = tmp_path_factory.mktemp("weights")
    (folder / FILE).write_bytes(weights)
    matrix = np.random.default_rng(seed).normal(size=(3, width)).astype(np.float32)
    [expected] = Session(whole).run(matrix).values()
    [found] = Session(graph, weights=folder).run(matrix).values()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert len(graph) < 1500 + 1100 * layers


def test_small_artifacts_stay_whole() -> None:
    """Below the limit nothing is taken apart, and nothing is parsed."""
    assert parted(b"no graph at all") == (b"no graph at all", b"")


@pytest.fixture
def store(models_bucket: str) -> ObjectStore:
    return ObjectStore(models_bucket, boto3.client("s3"))


def stored(store: ObjectStore, data: bytes = DATA) -> Blob:
    blob = Blob.of(DATA, MEDIA_TYPE)
    store.put(blob.key, data)
    return blob


def test_weights_are_read_once(store: ObjectStore, tmp_path: Path) -> None:
    """The file is there under its digest; a second start in the same sandbox reads nothing."""
    blob = stored(store)
    folder = fetched(store, blob, tmp_path)
    assert (folder / FILE).read_bytes() == DATA
    assert sorted(path.name for path in folder.iterdir()) == [FILE]
    store.put(blob.key, b"something else")
    assert fetched(store, blob, tmp_path) == folder


@pytest.mark.parametrize("place", [0, 25_000, 49_999])
def test_damaged_weights_are_never_there(store: ObjectStore, tmp_path: Path, place: int) -> None:
    """One bit flipped anywhere: refused, and no file is left that a later start would trust."""
    damaged = bytearray(DATA)
    damaged[place] ^= 1
    blob = stored(store, bytes(damaged))
    with pytest.raises(DigestMismatch):
        fetched(store, blob, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_missing_weights_are_a_broken_version(store: ObjectStore, tmp_path: Path) -> None:
    """A manifest that names weights nobody stored cannot serve, and says what to do."""
    with pytest.raises(BrokenArtifact, match="publish"):
        fetched(store, Blob.of(DATA, MEDIA_TYPE), tmp_path)


def test_a_full_disk_is_said(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little ephemeral storage is a matter of configuration, told before anything is read."""

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(ConfigurationError, match="ephemeral storage"):
        fetched(store, stored(store), tmp_path)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_large_model_is_trained_published_and_served(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the limit lowered a real version has weights of its own, and answers its golden samples."""
    monkeypatch.setattr(models.weights, "LARGE", 1000)
    monkeypatch.setattr("maas.serving._WEIGHTS", tmp_path)
    recipe = find("lane_flow")
    table = recipe.sample(0)
    few = table.take(np.unique(np.linspace(0, len(table) - 1, 600).astype(np.intp)))
    network = Regressor(
        "network",
        "vehicles_per_5_minutes",
        lambda seed: MLPRegressor(hidden_layer_sizes=(32,), max_iter=5, random_state=seed),
    )
    model = train(replace(recipe, sample=lambda _: few, candidates=[network]), seed=0)
    assert model.manifest.weights is not None
    assert model.manifest.blobs[1] == model.manifest.weights
    model.publish(registry)
    served = load(registry, model.manifest, recipe.endpoint.contract, threads=1)
    served.check()
    assert (tmp_path / model.manifest.weights.digest / FILE).exists()
