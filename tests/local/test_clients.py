"""Unmodified clients of the Open Inference Protocol against the deployed stack: Triton's and KServe's."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

from functions.lane_flow.handler import handler
from maas.contract import rows
from maas.manifest import Manifest
from maas.registry import Registry
from maas.runtime import Session
from maas.store import ObjectStore
from models.catalogue import find
from models.job import train

if TYPE_CHECKING:
    from conftest import LocalStack

# What the clients do inside is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
MODEL = "lane_flow"
TIMES = ["2016-03-01T08:00:00", "2016-03-01T08:05:00"]
FLOWS = [[70.0 + k for k in range(12)], [90.0 - k for k in range(12)]]


@pytest.fixture(scope="module")
def version(stack: "LocalStack") -> tuple[Manifest, bytes]:
    """A quickly trained version of lane_flow, in production."""
    from dataclasses import replace

    recipe = find(MODEL)
    table = recipe.sample(0)
    few = table.take(np.unique(np.linspace(0, len(table) - 1, 800).astype(np.intp)))
    model = train(replace(recipe, sample=lambda _: few, candidates=recipe.candidates[:1]), seed=0)
    registry = Registry(ObjectStore(stack.models_bucket, cast("Any", stack.client("s3"))))
    model.publish(registry)
    registry.promote(MODEL, model.manifest.digest, actor="test", reason="")
    return model.manifest, model.artifact


@pytest.fixture(scope="module")
def expected(version: tuple[Manifest, bytes]) -> list[float]:
    """What the model itself answers."""
    contract = handler.contract
    records = [{"timestamp": time, "flows": flow} for time, flow in zip(TIMES, FLOWS, strict=True)]
    outputs = contract.respond(Session(version[1]).run(contract.matrix(contract.parse(records))))
    return [row["vehicles_per_5_minutes"] for row in rows(outputs)]


@pytest.fixture
def client(stack: "LocalStack", version: tuple[Manifest, bytes]) -> Iterator[Any]:
    """Triton's client; the path behind the host is the stage's."""
    assert version
    made = triton.InferenceServerClient(stack.api_url.removeprefix("http://"))
    yield made
    made.close()


def inputs(module: Any, *, binary: bool) -> list[Any]:
    """Both fields as Triton tensors."""
    times = module.InferInput("timestamp", [2], "BYTES")
    times.set_data_from_numpy(np.array(TIMES, dtype=object), binary_data=binary)
    flows = module.InferInput("flows", [2, 12], "FP32")
    flows.set_data_from_numpy(np.array(FLOWS, dtype=np.float32), binary_data=binary)
    return [times, flows]


@pytest.mark.parametrize("asked", [True, False], ids=["binary in", "JSON in"])
@pytest.mark.parametrize("answered", [True, False], ids=["binary out", "JSON out"])
def test_triton(client: Any, expected: list[float], *, asked: bool, answered: bool) -> None:
    """Every combination of binary and JSON gives the model's own answers."""
    wanted = [triton.InferRequestedOutput("vehicles_per_5_minutes", binary_data=answered)]
    result = client.infer(MODEL, inputs(triton, binary=asked), outputs=wanted, request_id="one")
    np.testing.assert_allclose(result.as_numpy("vehicles_per_5_minutes"), expected)
    assert result.get_response()["id"] == "one"


def test_triton_by_version(client: Any, version: tuple[Manifest, bytes], expected: list[float]) -> None:
    """A version named by its digest answers, an unknown one is an error the client shows."""
    result = client.infer(MODEL, inputs(triton, binary=True), model_version=version[0].version)
    np.testing.assert_allclose(result.as_numpy("vehicles_per_5_minutes"), expected)
    with pytest.raises(InferenceServerException, match="version"):
        client.infer(MODEL, inputs(triton, binary=True), model_version="0" * 12)


def test_triton_health_metadata_and_index(client: Any, version: tuple[Manifest, bytes]) -> None:
    """The client's questions about server and model are answered."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert not client.is_model_ready("no_such_model")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(MODEL)
    assert metadata["versions"] == [version[0].version]
    assert [tensor["name"] for tensor in metadata["inputs"]] == ["timestamp", "flows"]
    index = {entry["name"]: entry for entry in client.get_model_repository_index()}
    assert index[MODEL]["state"] == "READY"


def test_triton_shows_what_is_wrong(client: Any) -> None:
    """An error's text reaches the person behind the client, with the place in the input."""
    times, flows = inputs(triton, binary=True)
    flows.set_data_from_numpy(np.array([[-1.0] * 12] * 2, dtype=np.float32))
    with pytest.raises(InferenceServerException, match="/inputs/1/data/0"):
        client.infer(MODEL, [times, flows])


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_triton_aio(stack: "LocalStack", expected: list[float], *, binary: bool) -> None:
    """The asynchronous client gives the same answers."""

    async def ask() -> Any:
        async with triton_aio.InferenceServerClient(stack.api_url.removeprefix("http://")) as client:
            wanted = [triton_aio.InferRequestedOutput("vehicles_per_5_minutes", binary_data=binary)]
            return await client.infer(MODEL, inputs(triton_aio, binary=binary), outputs=wanted)

    np.testing.assert_allclose(asyncio.run(ask()).as_numpy("vehicles_per_5_minutes"), expected)


def kserve_request(*, binary: bool) -> InferRequest:
    """Both fields as KServe tensors."""
    times = InferInput("timestamp", [2], "BYTES")
    times.set_data_from_numpy(np.array(TIMES, dtype=object), binary_data=binary)
    flows = InferInput("flows", [2, 12], "FP64")
    flows.set_data_from_numpy(np.array(FLOWS), binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[times, flows])


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_kserve_v2(stack: "LocalStack", expected: list[float], *, binary: bool) -> None:
    """KServe's own client asks in V2, and about health."""

    async def ask() -> Any:
        client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
        try:
            assert await client.is_server_live(stack.api_url)
            assert await client.is_server_ready(stack.api_url)
            assert await client.is_model_ready(stack.api_url, MODEL)
            return await client.infer(stack.api_url, kserve_request(binary=binary), model_name=MODEL)
        finally:
            await client.close()

    answer = asyncio.run(ask())
    np.testing.assert_allclose(answer.outputs[0].as_numpy(), expected)


def test_kserve_v1(stack: "LocalStack", expected: list[float]) -> None:
    """KServe's own client asks in V1."""

    async def ask() -> Any:
        client = InferenceRESTClient(RESTConfig(protocol="v1", retries=0))
        body = {"instances": [{"timestamp": t, "flows": f} for t, f in zip(TIMES, FLOWS, strict=True)]}
        try:
            return await client.infer(stack.api_url, body, model_name=MODEL)
        finally:
            await client.close()

    answer = asyncio.run(ask())
    assert [row["vehicles_per_5_minutes"] for row in answer["predictions"]] == expected
