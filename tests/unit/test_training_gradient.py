"""Gradient descent by itself: batches, varied rows, layers of our own, and one machine for many networks."""

import importlib.util
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maas.contract import Matrix
from maas.errors import ConfigurationError
from models.assistant import networks
from models.batch_environment import BatchJob
from models.catalogue import find
from models.gradient import Examples, batches, built, machine, varied
from models.keras_backend import load
from models.keras_layers import drawn_by_numpy, max_pooling

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="needs requirements/deep.txt"
)


@settings(deadline=None)
@given(st.integers(1, 90), st.integers(1, 40), st.integers(1, 3), st.integers(1, 5), st.integers(0, 9))
def test_batches_have_one_size_and_leave_nobody_out(
    count: int, size: int, epochs: int, multiple: int, seed: int
) -> None:
    """Every row is in every epoch, at most one batch more often than another; devices divide the size."""
    found = list(batches(count, size, epochs, 0.5, seed=seed, multiple=multiple))
    [length] = {len(batch.rows) for batch in found}
    assert length % multiple == 0
    assert min(size, count) <= length < min(size, count) + multiple
    for epoch in range(epochs):
        seen = Counter(row for batch in found if batch.epoch == epoch for row in batch.rows.tolist())
        assert seen.keys() == set(range(count))
        assert sum(seen.values()) - count < length
    rates = [batch.rate for batch in found]
    assert rates[0] == 0.5
    assert rates == sorted(rates, reverse=True)
    assert [batch.number for batch in found] == list(range(len(found)))


def shaken(rows: Matrix, generator: np.random.Generator) -> Matrix:
    """Rows with something random added."""
    moved: Matrix = rows + generator.normal(size=rows.shape).astype(np.float32)
    return moved


@settings(deadline=None)
@given(st.integers(1, 70), st.data())
def test_rows_are_varied_alike_whoever_varies_them(count: int, data: st.DataObject) -> None:
    """Any cut of a batch into parts gives, put together, what one process makes of all of it."""
    cut = data.draw(st.integers(0, count))
    rows = np.arange(300, dtype=np.float32).reshape(100, 3)
    chosen = np.random.default_rng(0).permutation(100)[:count]
    whole = varied(rows, chosen, slice(0, count), shaken, [1, 2])
    assert whole.shape == (count, 3)
    parts = [
        varied(rows, chosen, part, shaken, [1, 2])
        for part in (slice(0, cut), slice(cut, count))
        if part.start < part.stop
    ]
    assert np.array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(varied(rows, chosen, slice(0, count), shaken, [1, 3]), whole)


@needs_keras
@pytest.mark.parametrize("shape", [(3, 6, 8, 2), (2, 7, 5, 3)])
def test_pooling_by_tiles_is_pooling(shape: tuple[int, ...]) -> None:
    """Answers and gradients are those of Keras's own layer, where the tiles do not fill the image too."""
    import jax

    keras = load()
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    layers = [max_pooling(keras), keras.layers.MaxPooling2D()]
    ours, theirs = (np.asarray(layer(images)) for layer in layers)
    assert np.array_equal(ours, theirs)
    ours, theirs = (
        np.asarray(jax.grad(lambda x, layer=layer: (layer(x) ** 2).sum())(images)) for layer in layers
    )
    np.testing.assert_allclose(ours, theirs)


@needs_keras
def test_first_weights_are_those_that_glorot_and_bengio_ask_for() -> None:
    """Uniform within the limit of their paper, other ones per layer and seed, and as they are outside."""
    keras = load()

    def kernels(seed: int) -> list[Any]:
        keras.utils.set_random_seed(seed)
        with drawn_by_numpy(keras):
            layers = [keras.layers.Dense(300), keras.layers.Conv2D(40, 5)]
            layers[0].build((None, 200))
            layers[1].build((None, 9, 9, 30))
        return [np.asarray(layer.kernel.value) for layer in layers]

    for kernel, fan in zip(kernels(0), (200 + 300, 25 * (30 + 40)), strict=True):
        limit = np.sqrt(6 / fan)
        assert np.abs(kernel).max() == pytest.approx(limit, rel=0.01)
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert np.array_equal(kernels(0)[0], kernels(0)[0])
    assert not np.array_equal(kernels(0)[0], kernels(1)[0])
    assert type(keras.layers.Dense(3).kernel_initializer) is keras.initializers.GlorotUniform


def line(keras: Any, width: int) -> Any:
    """The smallest network."""
    return keras.Sequential([keras.layers.Input((width,)), keras.layers.Dense(1)])


@needs_keras
@pytest.mark.parametrize("seed", [0, 1])
def test_networks_share_a_machine_and_nothing_else(seed: int) -> None:
    """Two networks of one architecture learn in turns as each would alone, and are compiled once."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(8, 2)).astype(np.float32)
    targets = [generator.normal(size=8).astype(np.float32) for _ in range(2)]
    found = machine(line, 2, "mean_squared_error")
    assert machine(line, 2, "mean_squared_error") is found

    def learnt(turns: list[int]) -> list[np.ndarray[Any, Any]]:
        networks = []
        for one in range(2):
            load().utils.set_random_seed(one)
            networks.append(built(line, 2))
        states = [found.begin(network) for network in networks]
        for turn in turns:
            examples = Examples(rows, targets[turn], np.ones(8, np.float32))
            _, states[turn] = found.step(states[turn], examples, 0.01)
        for state, network in zip(states, networks, strict=True):
            found.store(state, network)
        return [found.answers(network, rows) for network in networks]

    for mixed, apart in zip(learnt([0, 1, 0, 1]), learnt([0, 0, 1, 1]), strict=True):
        assert np.array_equal(mixed, apart)
    assert found._step._cache_size() == 1


def test_every_network_of_the_models_is_found_by_its_name() -> None:
    """Also those inside committees; two of one name in a recipe could not be told apart."""
    for model in ("digits", "traffic_signs", "congestion", "credit_risk"):
        names = [one.name for each in find(model).candidates for one in networks(each)]
        assert len(names) == len(set(names)) == (0 if model == "credit_risk" else 1)


NODE = {
    "AWS_BATCH_JOB_ID": "5f-1#2",
    "AWS_BATCH_JOB_NUM_NODES": "3",
    "AWS_BATCH_JOB_NODE_INDEX": "2",
    "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0",
    "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": "10.0.0.7",
}


def test_what_batch_says_is_read_in_one_place() -> None:
    """Outside Batch, an array's child, an assistant, and the main node, which is not told its address."""
    assert BatchJob.from_environment({}) == BatchJob()
    child = BatchJob.from_environment({"AWS_BATCH_JOB_ID": "ab:7", "AWS_BATCH_JOB_ARRAY_INDEX": "7"})
    assert (child.id, child.array_index, child.nodes) == ("ab", 7, 1)
    assert BatchJob.from_environment(NODE) == BatchJob("5f-1", None, 2, 3, "10.0.0.7")
    main = {name: value for name, value in NODE.items() if "ADDRESS" not in name}
    assert BatchJob.from_environment(main | {"AWS_BATCH_JOB_NODE_INDEX": "0"}).main_address == ""
    # Another main node than the first: ranks begin there.
    turned = {"AWS_BATCH_JOB_MAIN_NODE_INDEX": "2", "AWS_BATCH_JOB_NODE_INDEX": "0"}
    assert BatchJob.from_environment(NODE | turned).node == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"AWS_BATCH_JOB_NUM_NODES": "two"}, "whole number"),
        ({"AWS_BATCH_JOB_NODE_INDEX": "3"}, "cannot be"),
        ({"AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": ""}, "not set"),
        ({"AWS_BATCH_JOB_ARRAY_INDEX": "-1"}, "whole number"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, str], message: str) -> None:
    """A node that misread its place would wait for others that never come."""
    with pytest.raises(ConfigurationError, match=message):
        BatchJob.from_environment(NODE | changed)
