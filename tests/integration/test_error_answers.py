"""Every code of docs/errors.md, produced by a request (or by what leads to it) and answered by a handler."""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ConnectTimeoutError
from ecdsa import NIST256p, SigningKey
from moto import mock_aws

from functions.catalogue.handler import Catalogue
from maas.access import demand
from maas.artifact import Blob
from maas.batch.claim import Claims
from maas.batch.event import Message
from maas.batch.files import Head
from maas.batch.invoke import LambdaInvoker
from maas.batch.names import read as read_name
from maas.endpoint import Endpoint
from maas.errors import MaasError, RegistryUnavailable, TrainingError, Unavailable
from maas.function import HttpFunction
from maas.manifest import Golden, Manifest
from maas.preprocessing import decode_base64
from maas.protocol.request import Request
from maas.registry import Registry
from maas.rollout.admission import admit
from maas.signature import signature_key
from maas.signer import KmsKey
from maas.store import ObjectStore
from maas.web import Web, json_reply
from models.export import parity
from models.source import Source
from tests import tiny_model
from tests.lambda_events import Answer, Caller, Context
from tests.tiny_model import INSTANCES, NAME, instance
from tests.tiny_requests import INFER, PREDICT, json_inputs

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
BODY = {"instances": INSTANCES}


@dataclass
class World:
    """A registry with one version in production, and what else a fault may need."""

    registry: Registry
    store: ObjectStore
    data: str
    environment: pytest.MonkeyPatch

    @property
    def s3(self) -> Any:
        return self.store.client

    @property
    def handler(self) -> Endpoint[Any, Any]:
        return tiny_model.endpoint()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return Caller(self.handler)(method, path, body, headers)

    def replace(self, manifest: Manifest, artifact: bytes) -> None:
        """Put another version into production."""
        self.registry.promote(NAME, self.registry.publish(manifest, artifact), actor="t", reason="t")

    def manifest(self) -> Manifest:
        pointer = self.registry.production(NAME)
        assert pointer is not None
        return self.registry.manifest(NAME, pointer.stable)

    def write(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.store.bucket, Key=key, Body=body)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Moto for all of this module."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield boto3.client("s3")


@pytest.fixture
def world(s3: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> World:
    """The tiny model in production, in buckets of this test's own."""
    models, data = (f"{kind}-{zlib.crc32(request.node.name.encode())}" for kind in ("models", "data"))
    for bucket in (models, data):
        s3.create_bucket(Bucket=bucket)
    monkeypatch.setenv("MAAS_MODELS_BUCKET", models)
    monkeypatch.setenv("MAAS_DATA_BUCKET", data)
    store = ObjectStore(models, s3)
    made = World(Registry(store), store, data, monkeypatch)
    made.replace(*tiny_model.version())
    return made


class Probe(HttpFunction):
    """Answers a request by doing what leads to an error elsewhere: in a command, in training, in a batch."""

    def __init__(self, operation: Callable[[], Any]) -> None:
        super().__init__("probe")
        self._operation = operation

    def add_routes(self, web: Web) -> None:
        """The one route."""
        web.route("GET", "/", self._view)

    def _view(self, _: Request) -> Any:
        return json_reply(self._operation())


def probe(operation: Callable[[], Any]) -> Answer:
    return Caller(Probe(operation))("GET", "/")


# ------------------------------------------------------------------------------------------ the request ---


def in_progress(world: World) -> Answer:
    key = {"Idempotency-Key": "one"}
    world.ask("POST", PREDICT, BODY, **key)
    (entry,) = world.s3.list_objects_v2(Bucket=world.data)["Contents"]
    record = json.loads(world.s3.get_object(Bucket=world.data, Key=entry["Key"])["Body"].read())
    record |= {"status": "INPROGRESS", "answer": "", "claimed_until": 2**52}
    world.s3.put_object(Bucket=world.data, Key=entry["Key"], Body=json.dumps(record))
    return world.ask("POST", PREDICT, BODY, **key)


def reused(world: World) -> Answer:
    key = {"Idempotency-Key": "one"}
    assert world.ask("POST", PREDICT, BODY, **key).status == 200
    return world.ask("POST", PREDICT, {"instances": [instance()]}, **key)


def unfit(world: World) -> Answer:
    block = {"format": "csv", "header": "colour,size", "data": "cmVkLDEK", "version": world.manifest().digest}
    document = world.handler({"block": block}, Context())
    return Answer(document["status"], {}, json.dumps(document).encode())


# ----------------------------------------------------------------------------- versions and their faults ---


def crash(world: World) -> Answer:
    handler = world.handler
    assert Caller(handler)("POST", PREDICT, BODY).status == 200
    vars(handler.contract)["matrix"] = lambda _: 1 / 0
    return Caller(handler)("POST", PREDICT, BODY)


def without_production(world: World) -> Answer:
    world.s3.delete_object(Bucket=world.store.bucket, Key=f"models/{NAME}/production.json")
    return world.ask("POST", PREDICT, BODY)


def elsewhere(world: World) -> Answer:
    world.environment.setenv("MAAS_MODELS_BUCKET", "no-such-bucket")
    return world.ask("POST", PREDICT, BODY)


def torn_pointer(world: World) -> Answer:
    world.write(f"models/{NAME}/production.json", b'{"model": "tiny"')
    return world.ask("POST", PREDICT, BODY)


def other_bytes(world: World) -> Answer:
    world.write(f"blobs/sha256/{world.manifest().artifact.digest}", b"something else")
    return world.ask("POST", PREDICT, BODY)


def no_model(world: World) -> Answer:
    garbage = b"no ONNX at all"
    manifest, _ = tiny_model.version(artifact=Blob.of(garbage, tiny_model.MEDIA_TYPE))
    world.replace(manifest, garbage)
    return world.ask("POST", PREDICT, BODY)


def other_answers(world: World) -> Answer:
    wrong = Golden(instances=tuple(INSTANCES), predictions=({"volume": 1.0},) * 3, tolerance=1e-3)
    world.replace(*tiny_model.version(golden=wrong))
    return world.ask("POST", PREDICT, BODY)


def pinned(world: World) -> None:
    public = SigningKey.generate(NIST256p).verifying_key.to_pem().decode()
    world.environment.setenv("MAAS_SIGNING_PUBLIC_KEY", public)


def unsigned(world: World) -> Answer:
    pinned(world)
    return world.ask("POST", PREDICT, BODY)


def signed_by_nobody(world: World) -> Answer:
    world.write(signature_key(NAME, world.manifest().digest), b'{"made": "up"}')
    pinned(world)
    return world.ask("POST", PREDICT, BODY)


def silent_registry(world: World) -> Answer:
    handler = world.handler

    def silent() -> Registry:
        raise RegistryUnavailable("S3 does not answer")

    handler.make_registry = silent  # type: ignore[method-assign]
    return Caller(handler)("POST", PREDICT, BODY)


def moved_pointer(world: World) -> Answer:
    version = world.registry.publish(*tiny_model.version([2.0] * 8))
    return probe(
        lambda: world.registry.promote(NAME, version, actor="t", reason="t", expected_seq=7)  # none is at 7
    )


def second_writer(world: World) -> Answer:
    world.store.put("key", b"first", if_none_match=True)
    return probe(lambda: world.store.put("key", b"second", if_none_match=True))


def stale_writer(world: World) -> Answer:
    etag = world.store.put("key", b"first")
    world.store.put("key", b"second")
    return probe(lambda: world.store.put("key", b"third", if_match=etag))


def nothing_there() -> Any:
    from maas.errors import NotFound

    raise NotFound("The file has not arrived.")


# -------------------------------------------------------------------------- files, training and commands ---


class Busy:
    """A Lambda client whose functions have no time, or crash."""

    class exceptions:  # noqa: N801 -- boto3's name
        class ResourceNotFoundException(Exception):
            """Never raised."""

    def __init__(self, answer: Mapping[str, Any] | None = None) -> None:
        self._answer = answer

    def invoke(self, **_: Any) -> Mapping[str, Any]:
        if self._answer is None:
            raise ConnectTimeoutError(endpoint_url="lambda")
        return self._answer


def coming_and_going() -> Any:
    class Jobs:
        def read(self, _: str) -> None:
            return None

        def create(self, _: Any) -> None:
            return None

    nobody: Any = Jobs()
    claims = Claims(nobody, nobody, nobody, clock=lambda: 0.0, nonce=lambda: "0")
    return claims.take(Message("dropped", "bucket", "inbox/tiny/a.csv", "etag", "1"), Head("etag", 1, {}), 60)


def silent_kms() -> Any:
    class Kms:
        def get_public_key(self, **_: Any) -> None:
            raise ConnectTimeoutError(endpoint_url="kms")

    return KmsKey("key", Kms).public_key  # type: ignore[arg-type, return-value]


def disagreeing() -> Any:
    class Fitted:
        def predict(self, matrix: Any) -> Any:
            return {"volume": np.zeros(len(matrix))}

    fitted: Any = Fitted()
    return parity(fitted, tiny_model.graph(), np.ones((2, len(tiny_model.FEATURES)), np.float32), 1e-6)


def stopped() -> Any:
    raise TrainingError("Training cannot go on.")


def unanswered() -> Any:
    raise Unavailable("The issuer of tokens does not answer.")


CODES: dict[str, Callable[[World], Answer]] = {
    "malformed-body": lambda world: world.ask("POST", PREDICT, b"{"),
    "invalid-request": lambda world: world.ask("POST", PREDICT, {"records": []}),
    "invalid-header": lambda world: world.ask("POST", PREDICT, BODY, **{"Idempotency-Key": "a b"}),
    "invalid-tensor": lambda world: world.ask("POST", INFER, {"inputs": json_inputs(lanes={"shape": [9]})}),
    "invalid-record": lambda world: world.ask("POST", PREDICT, {"instances": [instance(lanes=0)]}),
    "payload-too-large": lambda world: world.ask("POST", PREDICT, {"instances": [{}] * 10_001}),
    "access-denied": lambda _: probe(lambda: demand("explain", {"read", "predict"})),
    "unsupported-media-type": lambda world: world.ask("POST", PREDICT, b"x", **{"Content-Type": "text/csv"}),
    "method-not-allowed": lambda world: world.ask("DELETE", PREDICT),
    "idempotency-key-reused": reused,
    "request-in-progress": in_progress,
    "route-not-found": lambda world: world.ask("GET", f"/v1/models/{NAME}/colour"),
    "model-not-found": lambda _: Caller(Catalogue("catalogue"))("POST", "/v1/models/none:predict", BODY),
    "version-not-found": lambda world: world.ask("GET", f"/v1/models/{NAME}/versions/00000000"),
    "not-found": lambda _: probe(nothing_there),
    "key-missing": lambda world: probe(lambda: world.store.read("no/such/key")),
    "conflict": stale_writer,
    "already-exists": second_writer,
    "pointer-moved": moved_pointer,
    "no-production-version": without_production,
    "unavailable": lambda _: probe(unanswered),
    "registry-unavailable": silent_registry,
    "signing-unavailable": lambda _: probe(silent_kms),
    "internal-error": crash,
    "configuration-error": elsewhere,
    "integrity-error": torn_pointer,
    "digest-mismatch": other_bytes,
    "broken-artifact": no_model,
    "golden-mismatch": other_answers,
    "signature-missing": unsigned,
    "signature-invalid": signed_by_nobody,
    "unfit-file": unfit,
    "file-refused": lambda _: probe(lambda: read_name("inbox/")),
    "throttled": lambda _: probe(lambda: LambdaInvoker("f", Busy())({})),  # type: ignore[arg-type]
    "block-failed": lambda _: probe(
        lambda: LambdaInvoker("f", Busy({"FunctionError": "Unhandled", "Payload": BytesIO(b"{}")}))({})  # type: ignore[arg-type]
    ),
    "try-again": lambda _: probe(coming_and_going),
    "training-error": lambda _: probe(stopped),
    "data-error": lambda _: probe(lambda: Source.of("empty.csv", b"").name),
    "parity-error": lambda _: probe(disagreeing),
    "gate-refused": lambda world: probe(lambda: admit(world.manifest(), None, world.registry.manifest)),
}


def told() -> set[str]:
    """The codes of the page but the gateway's, which no function answers."""
    text = re.sub(r"^## The gateway$.*?(?=^## )", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))


def test_every_code_of_the_page_is_produced() -> None:
    """The table below is complete."""
    assert CODES.keys() == told()


@pytest.mark.parametrize("code", CODES)
def test_code_is_answered(world: World, code: str) -> None:
    """The request gets the code with its status, and no trace of the code behind."""
    answer = CODES[code](world)
    (row,) = re.findall(rf"^\| `{code}` \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body
    if code == "invalid-tensor":  # V2 alone has tensors, and its errors have no codes
        assert answer.status == int(row)
        assert answer.json["error"].startswith("/inputs/2/data")
        return
    assert answer.json["type"] == f"urn:maas:error:{code}"
    assert answer.status == answer.json["status"] == int(row.partition(",")[0])
    assert answer.json["detail"]


def test_pictures_are_refused_by_the_codes_of_records() -> None:
    """What is wrong within a text of base64 is a fault of the record that holds it."""
    with pytest.raises(MaasError) as caught:
        decode_base64("p!cture", "/instances/0")
    assert caught.value.code == "invalid-record"
