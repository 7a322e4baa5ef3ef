"""Trainer, promoter and server, with the template's own policies: each does its work, none another one's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from maas.artifact import Blob
from maas.errors import ConfigurationError
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from maas.s3_client import s3_client
from maas.signature import PinnedKeys, signature_key
from maas.signer import KmsKey, Signer
from maas.store import ObjectStore
from models.report import report_key
from tests.iam import REGION, Roles, enforced
from tests.manifests import MEDIA_TYPE, manifest_of

MODELS, DATA = "models-with-roles", "data-with-roles"
MODEL, OTHER = "traffic_flow", "air_quality"
SERVER = "TrafficFlowRole"
A, B, C = (manifest_of(name, minute=minute) for minute, name in enumerate((b"a", b"b", b"c")))
THEIRS = manifest_of(b"theirs", model=OTHER)


@dataclass
class World:
    """Somebody of each role, and the key that signs."""

    clients: dict[tuple[str, str], Any]
    key: str

    def store(self, role: str) -> ObjectStore:
        return ObjectStore(MODELS, self.client(role, "s3"))

    def client(self, role: str, service: str) -> Any:
        return self.clients[role, service]

    def kms(self, role: str) -> KmsKey:
        return KmsKey(self.key, lambda: self.client(role, "kms"))

    def registry(self, role: str) -> Registry:
        return Registry(self.store(role), signer=Signer(self.kms(role), name=role))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two models in production, one with a newer version; a key; training data and a caller's file."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        s3, kms = s3_client(), boto3.client("kms")
        for bucket in (MODELS, DATA):
            s3.create_bucket(Bucket=bucket)
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        registry = Registry(ObjectStore(MODELS, s3), signer=Signer(KmsKey(key, lambda: kms), name="setup"))
        for manifest, artifact in ((A, b"a"), (B, b"b"), (THEIRS, b"theirs")):
            registry.publish(manifest, artifact)
        for manifest in (A, THEIRS):
            registry.promote(manifest.model, manifest.digest, actor="setup", reason="")
        s3.put_object(Bucket=DATA, Key="training/traffic_flow/counts.csv", Body=b"rows")
        s3.put_object(Bucket=DATA, Key="inbox/traffic_flow/secret.csv", Body=b"rows")
        roles = Roles(
            {
                "ModelsBucket": f"arn:aws:s3:::{MODELS}",
                "DataBucket": f"arn:aws:s3:::{DATA}",
                "SigningKey": key,
            }
        )
        clients: dict[tuple[str, str], Any] = {}
        for role in FORBIDDEN:
            session: Any = roles.session(role)
            clients |= {(role, service): session.client(service) for service in ("s3", "kms")}
        with enforced():
            yield World(clients, key)


def test_the_trainer_reads_its_data_and_publishes(world: World) -> None:
    """A training job's whole way: data, what is in production, a new version; publishing again too."""
    data = world.client("TrainerRole", "s3")
    assert data.get_object(Bucket=DATA, Key="training/traffic_flow/counts.csv")["Body"].read() == b"rows"
    assert data.list_objects_v2(Bucket=DATA, Prefix="training/traffic_flow/")["KeyCount"] == 1
    registry = Registry(world.store("TrainerRole"))
    pointer = registry.production(MODEL)
    assert pointer is not None
    assert registry.artifact(registry.manifest(MODEL, pointer.stable)) == b"a"
    for _ in range(2):
        assert registry.publish(C, b"c") == C.version
    registry.store.put(report_key(MODEL, C.digest), b"a report")
    registry.store.put(receipt_key(MODEL, "run"), b"{}")


def test_the_promoter_signs_and_moves_the_pointer(world: World) -> None:
    """Promote, canary, withdraw, roll back, history: all that a release takes, with KMS."""
    registry = world.registry("PromoterRole")
    how = {"actor": "promoter", "reason": ""}
    registry.canary(MODEL, B.version, 10, **how)
    registry.withdraw(MODEL, **how)
    assert registry.promote(MODEL, B.version, **how).stable == B.digest
    assert registry.rollback(MODEL, **how).stable == A.digest
    assert [move.action for move in registry.history(MODEL)] == [
        "rollback",
        "promote",
        "withdraw",
        "canary",
        "promote",
    ]
    pinned = PinnedKeys((world.kms("PromoterRole").public_key,))
    assert Registry(world.store(SERVER), verifier=pinned).manifest(MODEL, B.digest) == B


def test_the_server_reads_its_own_model(world: World) -> None:
    """Pointer, manifest, signature and artifact; a version by its short name, for which it lists its own."""
    registry = Registry(world.store(SERVER))
    pointer = registry.production(MODEL)
    assert pointer is not None
    assert registry.artifact(registry.manifest(MODEL, pointer.version)) == b"a"
    assert world.store(SERVER).read(signature_key(MODEL, A.digest)).body


def _put(key: str) -> Callable[[World, str], Any]:
    return lambda world, role: world.store(role).put(key, b"{}")


def _sign(world: World, role: str) -> bytes:
    return world.kms(role).sign(b"a message")


def _promote(world: World, role: str) -> Any:
    return Registry(world.store(role)).promote(MODEL, B.digest, actor=role, reason="")


def _delete(key: str) -> Callable[[World, str], Any]:
    return lambda world, role: world.client(role, "s3").delete_object(Bucket=MODELS, Key=key)


def _read(bucket: str, key: str) -> Callable[[World, str], Any]:
    return lambda world, role: world.client(role, "s3").get_object(Bucket=bucket, Key=key)


def _list(bucket: str, prefix: str) -> Callable[[World, str], Any]:
    return lambda world, role: world.client(role, "s3").list_objects_v2(Bucket=bucket, Prefix=prefix)


BLOB = Blob.of(b"new", MEDIA_TYPE).key
FORBIDDEN: dict[str, dict[str, Callable[[World, str], Any]]] = {
    "TrainerRole": {
        "sign": _sign,
        "promote": _promote,
        "write the pointer": _put(f"models/{MODEL}/production.json"),
        "write the history": _put(f"models/{MODEL}/history/00000009.json"),
        "write the history under a name that looks like a manifest": _put(
            f"models/{MODEL}/history/manifests/00000009.json"
        ),
        "write a signature": _put(signature_key(MODEL, B.digest)),
        "write elsewhere": _put("anything"),
        "remove a blob": _delete(A.artifact.key),
        "remove a manifest": _delete(A.key),
        "read callers' files": _read(DATA, "inbox/traffic_flow/secret.csv"),
        "list callers' files": _list(DATA, "inbox/"),
        "write training data": lambda world, role: world.client(role, "s3").put_object(
            Bucket=DATA, Key="training/traffic_flow/counts.csv", Body=b""
        ),
    },
    "PromoterRole": {
        "write a blob": _put(BLOB),
        "write a manifest": _put(B.key),
        "write a manifest under a name that looks like a signature": _put(
            f"models/{MODEL}/manifests/signatures/{B.digest}.json"
        ),
        "publish": lambda world, role: Registry(world.store(role)).publish(C, b"c"),
        "write elsewhere": _put("anything"),
        "remove the pointer": _delete(f"models/{MODEL}/production.json"),
        "remove the history": _delete(f"models/{MODEL}/history/00000001.json"),
        "remove a manifest": _delete(A.key),
        "read training data": _read(DATA, "training/traffic_flow/counts.csv"),
        "list everything": _list(MODELS, ""),
    },
    SERVER: {
        "sign": _sign,
        "promote": _promote,
        "write a blob": _put(BLOB),
        "write a manifest": _put(B.key),
        "write a signature": _put(signature_key(MODEL, B.digest)),
        "write the pointer": _put(f"models/{MODEL}/production.json"),
        "remove the pointer": _delete(f"models/{MODEL}/production.json"),
        "read another model's manifest": _read(MODELS, THEIRS.key),
        "read another model's pointer": _read(MODELS, f"models/{OTHER}/production.json"),
        "list another model": _list(MODELS, f"models/{OTHER}/"),
        "list all models": _list(MODELS, "models/"),
        "read training data": _read(DATA, "training/traffic_flow/counts.csv"),
    },
}


@pytest.mark.parametrize(
    ("role", "deed"), [(role, deed) for role, deeds in FORBIDDEN.items() for deed in deeds]
)
def test_no_role_does_another_ones_work(world: World, role: str, deed: str) -> None:
    """The request is denied, as such: not refused for another reason, and nothing of it is done."""
    before = _everything()
    with pytest.raises((ConfigurationError, ClientError)) as refused:
        FORBIDDEN[role][deed](world, role)
    cause = refused.value if isinstance(refused.value, ClientError) else refused.value.__cause__
    assert isinstance(cause, ClientError)
    assert cause.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert _everything() == before


def _everything() -> dict[str, bytes]:
    """All objects of the models bucket, straight from moto."""
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[MODELS].keys
    return {name: keys[name].value for name in sorted(keys)}
