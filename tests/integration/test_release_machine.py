"""The release state machine, run from the template: every state, every branch, every catch."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from functions.release.handler import Release
from maas.artifact import Blob
from maas.errors import GoldenMismatch, RegistryUnavailable
from maas.judgement import Check
from maas.manifest import Manifest
from maas.pointer import Pointer
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from maas.signature import signature_key
from maas.store import ObjectStore
from tests.emf_metrics import put
from tests.release_machine import MODELS, STACK, Execution, Machine, machine, transitions
from tests.tiny_model import MEDIA_TYPE, NAME, decision, endpoint, golden, graph, version


class Stack:
    """A machine, its registry, and versions of the tiny model to release."""

    def __init__(self, made: Machine) -> None:
        self.machine = made
        self.registry = Registry(ObjectStore(MODELS, boto3.client("s3")))
        made.functions[f"{STACK}-{NAME}"] = endpoint()
        made.job = self.train
        self.trained: tuple[Manifest, bytes] | None = None

    def made(self, weight: float, *, production: Manifest | None = None, **changes: Any) -> Manifest:
        """A version that is published, judged beside `production`."""
        gate = decision(production.digest if production else None)
        manifest, artifact = version([weight] * 8, **({"gate": gate} | changes))
        self.registry.publish(manifest, artifact)
        return manifest

    def stable(self) -> Manifest:
        """A version in production."""
        manifest = self.made(1.0)
        self.registry.promote(NAME, manifest.digest, actor="test", reason="something to serve")
        return manifest

    def train(self, parameters: Mapping[str, str]) -> None:
        """What the training job does: publish, and leave word of it."""
        assert parameters.keys() == {"model", "data", "seed", "run"}
        if self.trained is None:
            raise RuntimeError("the data are no good")
        manifest, artifact = self.trained
        self.registry.publish(manifest, artifact)
        receipt = json.dumps({"version": manifest.digest}).encode()
        self.registry.store.put(receipt_key(NAME, parameters["run"]), receipt)

    def traffic(self, manifest: Manifest, requests: int, *, failed: int = 0) -> Callable[[str], None]:
        """Puts a version's metrics, as its function logs them, before each look at it."""

        def before(step: str) -> None:
            if step == "watch":
                put(NAME, manifest.version, requests, failed=failed)

        return before

    @property
    def pointer(self) -> Pointer:
        found = self.registry.production(NAME)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def taken() -> set[tuple[str, str]]:
    """The ways that the tests of this module took."""
    return set()


@pytest.fixture(scope="module")
def running(taken: set[tuple[str, str]]) -> Iterator[Machine]:
    with machine({f"{STACK}-release": Release("release")}) as made:
        real = made.wait

        def wait(execution: str) -> Execution:
            found = real(execution)
            taken.update(found.transitions)
            return found

        made.wait = wait  # type: ignore[method-assign]
        yield made


@pytest.fixture
def stack(running: Machine) -> Stack:
    """The machine with nothing in its registry."""
    running.reset()
    return Stack(running)


def test_a_new_version_is_trained_tried_and_widened(stack: Stack) -> None:
    """From data to all requests: the job is told what to train with, the canary grows step by step."""
    before = stack.stable()
    stack.trained = version([2.0] * 8, gate=decision(before.digest))
    stack.machine.meddle = stack.traffic(stack.trained[0], 30)
    ended = stack.machine.start({"model": NAME, "data": "s3://data/training/tiny/may.csv"}, name="may")
    assert ended.status == "SUCCEEDED", ended
    assert stack.machine.jobs == [
        {"model": NAME, "data": "s3://data/training/tiny/may.csv", "seed": "0", "run": "may"}
    ]
    moves = [(move.action, move.canary and move.canary.weight) for move in stack.registry.history(NAME)]
    assert moves == [("promote", None), ("canary", 50), ("canary", 10), ("promote", None)]
    assert stack.pointer.stable == stack.trained[0].digest
    assert {move.actor for move in stack.registry.history(NAME)[:3]} == {"release"}
    assert "may" in stack.pointer.reason


def test_the_first_version_of_a_model_gets_all_requests(stack: Stack) -> None:
    """Nothing answers yet that a canary could be compared with."""
    first = stack.made(1.0)
    ended = stack.machine.start({"model": NAME, "version": first.version})
    assert ended.states[-1] == "Released"
    assert "Wait" not in ended.states
    assert stack.pointer.stable == first.digest
    assert stack.machine.jobs == []


def test_a_job_that_fails_ends_it(stack: Stack) -> None:
    """Nothing moves, and the execution says so."""
    before = stack.stable()
    ended = stack.machine.start({"model": NAME})
    assert (ended.status, ended.states[-1]) == ("FAILED", "Failed")
    assert ended.cause.startswith("States.TaskFailed")
    assert stack.pointer.stable == before.digest


def test_a_job_that_leaves_no_word_ends_it(stack: Stack) -> None:
    """A job that ends well and published nothing has not trained anything."""
    stack.stable()
    stack.machine.job = lambda _: None
    ended = stack.machine.start({"model": NAME})
    assert ended.states[-2:] == ("Evaluate", "Failed")
    assert ended.cause.startswith("KeyMissing")


@pytest.mark.parametrize(
    "given", [{"model": "../x"}, {"model": NAME, "weight": 3}, {"model": NAME, "seed": "x"}]
)
def test_unreadable_input_ends_it(stack: Stack, given: Any) -> None:
    """What nobody can read starts no job."""
    ended = stack.machine.start(given)
    assert ended.states == ("Begin", "Failed")
    assert ended.cause.startswith("InvalidRequest")
    assert stack.machine.jobs == []


@pytest.mark.parametrize("artifact", [b"no model", graph(width=3)])
def test_a_version_that_does_not_open_ends_it(stack: Stack, artifact: bytes) -> None:
    """What was published is read back and opened before anything is decided about it."""
    stack.stable()
    whole, _ = version([2.0] * 8, gate=decision())
    broken = whole.model_copy(update={"artifact": Blob.of(artifact, MEDIA_TYPE)})
    stack.registry.publish(broken, artifact)
    ended = stack.machine.start({"model": NAME, "version": broken.digest})
    assert ended.states[-2:] == ("Evaluate", "Failed")
    assert ended.cause.startswith("BrokenArtifact")


def test_the_gate_refuses(stack: Stack) -> None:
    """A version that the gate refused is published and goes no further; the cause has the figures."""
    before = stack.stable()
    worse = Check(name="rmse against production", value=3.0, limit=2.0, passed=False)
    refused = stack.made(2.0, gate=decision(before.digest, production=worse))
    ended = stack.machine.start({"model": NAME, "version": refused.digest})
    assert (ended.states[-1], ended.error) == ("Refused", "GateRefused")
    assert "rmse against production: 3, allowed is at most 2" in ended.cause
    assert stack.pointer.stable == before.digest
    assert stack.pointer.canary is None


def test_a_forged_decision_is_refused(stack: Stack) -> None:
    """Who trains writes the decision: that it says `pass` is not enough."""
    before = stack.stable()
    worse = Check(name="rmse against production", value=3.0, limit=2.0, passed=True)
    forged = stack.made(2.0, gate=decision(before.digest, production=worse))
    ended = stack.machine.start({"model": NAME, "version": forged.digest})
    assert (ended.states[-1], ended.error) == ("Refused", "GateRefused")
    assert "rmse against production: 3, allowed is at most 2" in ended.cause
    assert stack.pointer.canary is None


def test_what_saw_simulated_data_only_is_released_on_laptops_alone(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its figures are about data that somebody made up."""
    pretended = stack.made(1.0)
    monkeypatch.setenv("MAAS_ENVIRONMENT", "prod")
    monkeypatch.setitem(stack.machine.functions, f"{STACK}-release", Release("release"))
    ended = stack.machine.start({"model": NAME, "version": pretended.digest})
    assert (ended.states[-1], stack.registry.production(NAME)) == ("Refused", None)
    assert "simulated" in ended.cause
    asked = stack.machine.start({"model": NAME})
    assert (asked.states, stack.machine.jobs) == (("Begin", "Failed"), [])
    assert "data" in asked.cause
    real = stack.made(1.0, data=pretended.data.model_copy(update={"simulated": False}))
    assert stack.machine.start({"model": NAME, "version": real.digest}).status == "SUCCEEDED"


def test_a_decision_about_another_production_no_longer_holds(stack: Stack) -> None:
    """Who was compared with what serves no more is compared again, not released."""
    old = stack.made(3.0)
    late = stack.made(2.0, production=old)
    stack.stable()
    ended = stack.machine.start({"model": NAME, "version": late.digest})
    assert ended.states[-1] == "Refused"
    assert old.version in ended.cause


def test_one_canary_at_a_time(stack: Stack) -> None:
    """A second release does not push a canary away that is being watched."""
    before = stack.stable()
    one, two = stack.made(2.0, production=before), stack.made(3.0, production=before)
    stack.registry.canary(NAME, one.digest, 10, actor="test", reason="")
    ended = stack.machine.start({"model": NAME, "version": two.digest})
    assert ended.states[-1] == "Refused"
    assert stack.pointer.canary is not None
    assert stack.pointer.canary.manifest == one.digest


def test_a_failing_canary_is_taken_back(stack: Stack) -> None:
    """More failures than beside it: stable answers alone again."""
    before = stack.stable()
    bad = stack.made(2.0, production=before)
    stack.machine.meddle = stack.traffic(bad, 30, failed=9)
    ended = stack.machine.start({"model": NAME, "version": bad.digest})
    assert (ended.states[-3:], ended.error) == (("Where", "Withdraw", "TakenBack"), "TakenBack")
    assert "9 of 30 requests failed" in ended.cause
    assert (stack.pointer.stable, stack.pointer.canary) == (before.digest, None)
    assert stack.pointer.action == "withdraw"


def test_a_canary_that_nobody_asks_is_taken_back(stack: Stack) -> None:
    """It waits for requests, looks again, and gives up in the end: nothing is widened unseen."""
    before = stack.stable()
    quiet = stack.made(2.0, production=before)
    stack.machine.meddle = stack.traffic(quiet, 2)
    ended = stack.machine.start({"model": NAME, "version": quiet.digest})
    assert ended.states.count("Watch") == 3
    assert "too little to judge by" in ended.cause
    assert stack.pointer.canary is None


def test_a_version_that_its_function_cannot_serve_moves_nothing(stack: Stack) -> None:
    """The model's own function replays the golden samples before any caller has the canary."""
    before = stack.stable()
    wrong = stack.made(2.0, production=before, golden=golden(graph([9.0] * 8)))
    ended = stack.machine.start({"model": NAME, "version": wrong.digest})
    assert ended.states[-3:] == ("Canary", "Where", "Refused")
    assert "cannot serve" in ended.cause
    assert [move.action for move in stack.registry.history(NAME)] == ["promote"]
    assert stack.pointer.stable == before.digest


def test_a_first_version_that_its_function_cannot_serve_leaves_no_pointer(stack: Stack) -> None:
    """There is nothing that a promotion could be taken back to, so there is none."""
    wrong = stack.made(2.0, golden=golden(graph([9.0] * 8)))
    ended = stack.machine.start({"model": NAME, "version": wrong.digest})
    assert (ended.states[-1], ended.status) == ("Refused", "FAILED")
    assert "cannot serve" in ended.cause
    assert stack.registry.production(NAME) is None
    assert stack.registry.history(NAME) == []


def test_a_version_is_signed_before_its_function_is_asked(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that checks signatures would not serve it otherwise, and nothing would ever be released."""
    kms: Any = boto3.client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    monkeypatch.setenv("MAAS_SIGNING_KEY", key)
    monkeypatch.setitem(stack.machine.functions, f"{STACK}-release", Release("release"))
    first = stack.made(1.0)

    def serve(*_: Any) -> Any:
        assert stack.registry.store.read(signature_key(NAME, first.digest)).body
        return {"statusCode": 200}

    stack.machine.functions[f"{STACK}-{NAME}"] = serve
    ended = stack.machine.start({"model": NAME, "version": first.version})
    assert ended.status == "SUCCEEDED", ended


def test_a_canary_whose_function_fails_meanwhile_is_taken_back(stack: Stack) -> None:
    """A step that is repeated after its move, and finds the function broken, ends the canary."""
    before = stack.stable()
    good = stack.made(2.0, production=before)

    def moved(step: str) -> None:
        if step == "canary":
            stack.registry.canary(NAME, good.digest, 10, actor="release", reason="the first attempt")
            stack.machine.functions[f"{STACK}-{NAME}"] = lambda *_: {"statusCode": 500}

    stack.machine.meddle = moved
    ended = stack.machine.start({"model": NAME, "version": good.digest})
    assert ended.states[-4:] == ("Canary", "Where", "Withdraw", "TakenBack")
    assert (stack.pointer.stable, stack.pointer.canary) == (before.digest, None)


def test_what_answers_everybody_is_not_said_to_be_taken_back(stack: Stack) -> None:
    """The first version is promoted, then the step fails: somebody has to look, as it stays."""
    first = stack.made(1.0)

    def moved(step: str) -> None:
        if step == "canary":
            if stack.registry.production(NAME) is None:
                stack.registry.promote(NAME, first.digest, actor="release", reason="the first attempt")
            raise RegistryUnavailable("S3 is silent")

    stack.machine.meddle = moved
    ended = stack.machine.start({"model": NAME, "version": first.digest})
    assert ended.states[-3:] == ("Blame", "Withdraw", "NotTakenBack")
    assert stack.pointer.stable == first.digest


def test_an_alarm_beside_the_state_machine_ends_the_watch(stack: Stack) -> None:
    """The alarm's own event withdraws at once; the execution finds that, and moves nothing any more."""
    before = stack.stable()
    bad = stack.made(2.0, production=before)
    stack.machine.meddle = lambda step: alarm(stack) if step == "watch" else None
    ended = stack.machine.start({"model": NAME, "version": bad.digest})
    assert (ended.states[-2:], ended.error) == (("Where", "TakenBack"), "TakenBack")
    assert "too many failed" in ended.cause
    assert [move.action for move in stack.registry.history(NAME)] == ["withdraw", "canary", "promote"]


def test_a_raised_alarm_is_seen_by_the_watch_itself(stack: Stack) -> None:
    """Also where the alarm's event got lost."""
    before = stack.stable()
    bad = stack.made(2.0, production=before)
    name = f"{STACK}-canary-{NAME}-latency"
    stack.machine.meddle = lambda step: ring(name) if step == "watch" else None
    ended = stack.machine.start({"model": NAME, "version": bad.digest})
    boto3.client("cloudwatch").delete_alarms(AlarmNames=[name])
    assert ended.states[-1] == "TakenBack"
    assert name in ended.cause


def test_nothing_begins_while_an_alarm_is_raised(stack: Stack) -> None:
    """It would not be raised once more, so no event would take the canary back."""
    before = stack.stable()
    good = stack.made(2.0, production=before)
    name = f"{STACK}-canary-{NAME}-latency"
    ring(name)
    ended = stack.machine.start({"model": NAME, "version": good.digest})
    boto3.client("cloudwatch").delete_alarms(AlarmNames=[name])
    assert ended.states[-2:] == ("IsAdmitted", "Refused")
    assert name in ended.cause
    assert [move.action for move in stack.registry.history(NAME)] == ["promote"]


def test_a_person_who_promotes_meanwhile_is_not_overruled(stack: Stack) -> None:
    """The release finds its version in production, and is done."""
    before = stack.stable()
    good = stack.made(2.0, production=before)

    def promote(step: str) -> None:
        if step == "watch":
            stack.registry.promote(NAME, good.digest, actor="a person", reason="in a hurry")

    stack.machine.meddle = promote
    ended = stack.machine.start({"model": NAME, "version": good.digest})
    assert (ended.states[-3:], ended.status) == (("Watch", "Where", "Released"), "SUCCEEDED")
    assert stack.pointer.actor == "a person"


@pytest.mark.parametrize("step", ["canary", "watch", "widen"])
def test_a_failure_after_the_canary_began_takes_it_back(stack: Stack, step: str) -> None:
    """A step that fails, and fails again, leaves nobody with a version that is not watched."""
    before = stack.stable()
    good = stack.made(2.0, production=before)
    stack.machine.meddle = stack.traffic(good, 30)
    stack.machine.faults = {step: [RegistryUnavailable("S3 is silent")] * 2}
    ended = stack.machine.start({"model": NAME, "version": good.digest})
    assert ended.states[-3:] == ("Blame", "Withdraw", "TakenBack")
    assert ended.cause == "RegistryUnavailable"
    assert stack.pointer.canary is None
    assert stack.pointer.stable == before.digest


def test_a_failure_that_passes_is_not_noticed(stack: Stack) -> None:
    """Every task is tried again, and a step that was done before is not done twice."""
    before = stack.stable()
    good = stack.made(2.0, production=before)
    steps = ("begin", "evaluate", "gate", "canary", "watch", "widen")
    stack.machine.meddle = stack.traffic(good, 30)
    stack.machine.faults = {step: [RegistryUnavailable("once")] for step in steps}
    ended = stack.machine.start({"model": NAME, "version": good.digest})
    assert ended.status == "SUCCEEDED", ended
    assert len(stack.registry.history(NAME)) == 4


def test_a_gate_that_cannot_be_asked_ends_it(stack: Stack) -> None:
    """Without a decision nothing is released."""
    before = stack.stable()
    good = stack.made(2.0, production=before)
    stack.machine.faults = {"gate": [GoldenMismatch("broken")] * 2}
    ended = stack.machine.start({"model": NAME, "version": good.digest})
    assert ended.states[-2:] == ("Gate", "Failed")
    assert ended.cause.startswith("GoldenMismatch")


def test_a_canary_that_cannot_be_taken_back_is_told_apart(stack: Stack) -> None:
    """It ends with an error of its own: somebody has to look."""
    before = stack.stable()
    bad = stack.made(2.0, production=before)
    stack.machine.meddle = stack.traffic(bad, 30, failed=30)
    stack.machine.faults = {"withdraw": [RegistryUnavailable("S3 is silent")] * 2}
    ended = stack.machine.start({"model": NAME, "version": bad.digest})
    assert (ended.states[-2:], ended.error) == (("Withdraw", "NotTakenBack"), "NotTakenBack")
    assert stack.pointer.canary is not None


def test_every_branch_was_taken(request: pytest.FixtureRequest, taken: set[tuple[str, str]]) -> None:
    """The tests above, all together, took every way that the definition has."""
    here = {item.name for item in request.session.items if item.fspath == request.node.fspath}
    if len(here) < len([name for name in globals() if name.startswith("test_")]):
        pytest.skip("only some of this module's tests ran")
    assert transitions() - taken == set()
    assert taken <= transitions()


def ring(name: str) -> None:
    """Raise a canary alarm, whose event gets lost."""
    client = boto3.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=name,
        Namespace="maas",
        MetricName="Latency",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="slow")


def alarm(stack: Stack) -> None:
    """The event of a canary alarm, delivered."""
    event = {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "detail": {
            "alarmName": f"{STACK}-canary-{NAME}-failures",
            "state": {
                "value": "ALARM",
                "reason": "too many failed",
                "timestamp": (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
            },
        },
    }
    release = stack.machine.functions[f"{STACK}-release"]
    assert release(event, None) == {"withdrawn": True}
