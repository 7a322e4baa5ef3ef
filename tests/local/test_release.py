"""A release on the deployed stack: the real state machine, the real functions, an alarm's real event."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from maas import emf
from maas.manifest import Manifest
from maas.pointer import Pointer
from maas.registry import Registry
from maas.store import ObjectStore
from models import publication
from models.catalogue import find
from models.incumbent import Incumbent
from models.job import train

if TYPE_CHECKING:
    from conftest import LocalStack

MODEL = "diagnosis"
WAIT_SECONDS = 120.0


class Releases:
    """Versions of one model and the executions that release them."""

    def __init__(self, stack: "LocalStack") -> None:
        self.stack = stack
        self.registry = Registry(ObjectStore(stack.models_bucket, cast("Any", stack.client("s3"))))
        self.states = stack.client("stepfunctions")

    def trained(self, seed: int) -> Manifest:
        """A version that is published, judged beside the one in production."""
        recipe = find(MODEL)
        quick = replace(recipe, candidates=recipe.candidates[:1], held_out=None)
        model = train(quick, seed=seed, incumbent=Incumbent.of(self.registry, MODEL))
        publication.publish(self.registry, model)
        return model.manifest

    def start(self, manifest: Manifest) -> str:
        given = {"model": MODEL, "version": manifest.digest, "reason": "a test"}
        arn: str = self.states.start_execution(
            stateMachineArn=self.stack.outputs["ReleaseStateMachine"], input=json.dumps(given)
        )["executionArn"]
        return arn

    def ended(self, execution: str, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """How an execution ended; `meanwhile` is done again and again."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            assert time.monotonic() < deadline, found
            meanwhile()
            time.sleep(0.5)

    def requests(self, manifest: Manifest, count: int) -> None:
        """What CloudWatch makes of the log lines of some requests to a version."""
        metrics = {"Requests": 1, "Failed": 0, "Latency": 3.0}
        properties = {
            "environment": "local",
            "service": MODEL,
            "version": manifest.version,
            "track": "canary",
        }
        document = json.loads(emf.line(metrics, properties, namespace=f"maas/{self.stack.deployed.name}"))
        for directive in document["_aws"]["CloudWatchMetrics"]:
            self.stack.client("cloudwatch").put_metric_data(
                Namespace=directive["Namespace"],
                MetricData=[
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": [{"Name": name, "Value": document[name]} for name in names],
                        "Values": [float(document[metric["Name"]])],
                        "Counts": [count],
                    }
                    for names in directive["Dimensions"]
                    for metric in directive["Metrics"]
                ],
            )

    def takes(self, event: dict[str, Any]) -> bool:
        """Whether the stack's rule for canary alarms takes this event."""
        events = self.stack.client("events")
        rules = events.list_rules()["Rules"]
        [pattern] = [rule["EventPattern"] for rule in rules if "CanaryAlarm" in rule["Name"]]
        answer: bool = events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
        return answer

    def deliver(self, event: dict[str, Any]) -> Any:
        """The release function's answer to an event."""
        answer = self.stack.client("lambda").invoke(
            FunctionName=self.stack.outputs["ReleaseFunction"], Payload=json.dumps(event)
        )
        return json.loads(answer["Payload"].read())

    @property
    def pointer(self) -> Pointer:
        found = self.registry.production(MODEL)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def releases(stack: "LocalStack") -> Releases:
    """Of a model that nobody has released yet, whatever other tests of this stack did."""
    found = Releases(stack)
    for key in list(found.registry.store.list(f"models/{MODEL}/")):
        stack.client("s3").delete_object(Bucket=stack.models_bucket, Key=key)
    return found


def test_versions_are_released_one_after_the_other(releases: Releases) -> None:
    """The first one at once, the second one step by step, each after its own function was ready for it."""
    first = releases.trained(0)
    ended = releases.ended(releases.start(first))
    assert ended["status"] == "SUCCEEDED", ended
    assert releases.pointer.stable == first.digest
    second = releases.trained(1)
    assert second.gate is not None
    assert second.gate.production == first.digest
    ended = releases.ended(releases.start(second), lambda: releases.requests(second, 20))
    assert ended["status"] == "SUCCEEDED", ended
    moves = [(move.action, move.canary and move.canary.weight) for move in releases.registry.history(MODEL)]
    assert moves == [("promote", None), ("canary", 50), ("canary", 10), ("promote", None)]
    assert releases.pointer.stable == second.digest


def test_an_alarm_takes_a_canary_back(releases: Releases) -> None:
    """The stack's rule takes the alarm's event, and the function withdraws; the execution ends with that."""
    before = releases.pointer.stable
    execution = releases.start(releases.trained(2))
    sent: list[Any] = []

    def alarm() -> None:
        if sent or releases.pointer.canary is None:
            return
        event = _alarm(f"{releases.stack.deployed.name}-canary-{MODEL}-failures")
        # Nobody may put events in the name of AWS, so the rule is only asked whether it would take this one.
        assert releases.takes(event)
        sent.append(releases.deliver(event))

    ended = releases.ended(execution, alarm)
    assert sent == [{"withdrawn": True}]
    assert (ended["status"], ended["error"]) == ("FAILED", "TakenBack")
    assert releases.pointer.stable == before
    assert releases.pointer.canary is None
    assert (releases.pointer.action, releases.pointer.actor) == ("withdraw", "alarm")
    assert not releases.takes(_alarm("elsewhere"))


def _alarm(name: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": "1",
        "account": "000000000000",
        "region": "eu-west-1",
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "resources": [],
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "detail": {
            "alarmName": name,
            "state": {"value": "ALARM", "reason": "a test", "timestamp": f"{now:%Y-%m-%dT%H:%M:%S.%f+0000}"},
        },
    }
