"""Drives what brings versions into production: the release function, the promoter and the trainer."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from functions.release.handler import Release
from maas.errors import MaasError, TrainingError
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from maas.signer import KmsKey, Signer
from maas.store import ObjectStore
from models.report import report_key
from models.search_results import SearchResults
from models.source import read_source
from tests.emf_metrics import put
from tests.iam import ACCOUNT, REGION
from tests.release_machine import DATA, MODELS, STACK, machine
from tests.rights.calls import ours, recorded, theirs, unrecorded
from tests.rights.roles import Case
from tests.rights.world import ARNS, World, world
from tests.tiny_model import NAME, decision, endpoint, version

QUEUE = {"ReleaseDeadLetterQueue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:release-dead"}
WHO = {"actor": "tests", "reason": ""}


def release() -> Case:
    """A version trained and widened, a canary that is taken back, data that arrive, data that are due."""
    with machine({f"{STACK}-{NAME}": theirs(endpoint())}) as made, pytest.MonkeyPatch.context() as patch:
        key = _key()
        patch.setenv("MAAS_SIGNING_KEY", key)
        s3 = boto3.client("s3")
        registry = Registry(ObjectStore(MODELS, s3))
        function = ours(Release("release"))
        made.functions[f"{STACK}-release"] = function
        before = registry.publish(*version([1.0] * 8))
        registry.promote(NAME, before, **WHO)
        gate = decision(registry.manifest(NAME, before).digest)
        trained, canary = version([2.0] * 8, gate=gate), version([3.0] * 8)

        def train(parameters: Mapping[str, str]) -> None:
            registry.publish(*trained)
            receipt = json.dumps({"version": trained[0].digest}).encode()
            registry.store.put(receipt_key(NAME, parameters["run"]), receipt)

        made.job = train
        made.meddle = lambda step: step == "watch" and put(NAME, trained[0].version, 30)  # type: ignore[assignment]
        with recorded(unsaid=False) as calls:
            ended = made.start({"model": NAME, "data": f"s3://{DATA}/training/{NAME}/may.csv"})
            assert ended.status == "SUCCEEDED", ended
            registry.publish(*canary)
            registry.canary(NAME, canary[0].digest, 10, **WHO)
            assert function(_alarm(), None) == {"withdrawn": True}
            s3.put_object(Bucket=DATA, Key=f"training/{NAME}/june.csv", Body=b"x")
            for event in (_arrival(), {"models": [NAME], "time": "2026-06-01T00:00:00Z"}):
                (name,) = function(event, None)["started"]
                made.wait(made.arn.replace(":stateMachine:", ":execution:") + f":{name}")
    return Case("ReleaseRole", frozenset(calls), ARNS | QUEUE | {"SigningKey": key})


def promoter() -> Case:
    """What people do with a version: try it, take it back, promote it, return to the one before."""
    with _signing() as (stack, key), recorded() as calls:
        registry = Registry(stack.registry.store, signer=Signer(KmsKey(key), name="promoter"))
        newer = registry.versions(NAME)[0].digest
        registry.canary(NAME, newer, 10, **WHO)
        registry.withdraw(NAME, **WHO)
        registry.promote(NAME, newer, **WHO)
        registry.rollback(NAME, **WHO)
        registry.history(NAME)
    return Case("PromoterRole", frozenset(calls), ARNS | {"SigningKey": key})


def trainer() -> Case:
    """A training job: newest data, what is in production, a new version with its report and its receipt."""
    with world() as stack:
        made, artifact = version([5.0] * 8)
        stack.s3.put_object(Bucket=DATA, Key=f"training/{NAME}/may.csv", Body=b"x")
        with recorded() as calls:
            read_source(f"s3://{DATA}/training/{NAME}/")
            search = SearchResults(stack.registry.store, NAME, "search")
            search.record(cast("Any", _Hopeless()), 0)
            search.record(cast("Any", _Hopeless()), 0)  # once more, by a job that was repeated
            assert stack.registry.production("another") is None
            pointer = stack.registry.production(NAME)
            assert pointer is not None
            current = stack.registry.manifest(NAME, pointer.stable)
            stack.registry.artifact(current)
            with unrecorded():
                stack.s3.delete_object(Bucket=MODELS, Key=current.artifact.key)
            with suppress(MaasError):  # it is gone, which is another thing than forbidden
                stack.registry.artifact(current)
            stack.registry.publish(made, artifact)
            stack.registry.publish(made, artifact)  # once more, by a job that was repeated
            stack.registry.store.put(report_key(NAME, made.digest), b"a report")
            stack.registry.store.put(receipt_key(NAME, "run"), b"{}")
    return Case("TrainerRole", frozenset(calls), ARNS)


class _Hopeless:
    """A search whose one candidate fails."""

    candidates = (SimpleNamespace(name="one"),)
    plan = "plan"

    def evaluate(self, index: int) -> None:
        raise TrainingError(f"candidate {index} fails")


@contextmanager
def _signing() -> Iterator[tuple[World, str]]:
    """A stack with a key, and a second version of the model."""
    with world() as stack:
        stack.registry.publish(*version([2.0] * 8))
        yield stack, _key()


def _key() -> str:
    kms: Any = boto3.client("kms")
    return str(kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])


def _alarm() -> dict[str, Any]:
    moment = f"{datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.%f+0000}"
    state = {"value": "ALARM", "reason": "Threshold Crossed", "timestamp": moment}
    detail = {"alarmName": f"{STACK}-canary-{NAME}-failures", "state": state}
    return {"source": "aws.cloudwatch", "detail": detail}


def _arrival() -> dict[str, Any]:
    thing = {"key": f"training/{NAME}/june.csv", "size": 1, "etag": "9", "sequencer": "1"}
    return {"source": "aws.s3", "detail": {"bucket": {"name": DATA}, "object": thing}}
