"""The release function's events beside the state machine's: alarms, data that came in, schedules."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from functions.release.handler import Release
from maas.errors import InvalidRequest, PointerMoved
from maas.pointer import Pointer
from maas.registry import Registry
from maas.rollout.alarm import withdraw
from maas.store import ObjectStore
from tests.release_machine import ACCOUNT, DATA, ENVIRONMENT, MODELS, REGION, STACK, Machine, machine
from tests.tiny_model import NAME, version

WHO = {"actor": "test", "reason": "a test"}


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    with machine({f"{STACK}-release": Release("release")}) as made:
        yield made


@pytest.fixture
def registry(running: Machine) -> Registry:
    """Two models, each with a version in production and another one as canary."""
    running.reset()
    registry = Registry(ObjectStore(MODELS, boto3.client("s3")))
    for model in (NAME, "other"):
        versions = [registry.publish(*version([weight] * 8, model=model)) for weight in (1.0, 2.0)]
        registry.promote(model, versions[0], **WHO)
        registry.canary(model, versions[1], 10, **WHO)
    return registry


def tell(event: dict[str, Any]) -> Any:
    """One event, to a function that has just started."""
    return Release("release")(event, None)


def alarm(name: str, *, value: str = "ALARM", at: datetime | None = None) -> dict[str, Any]:
    """An alarm's change of state, as EventBridge delivers it (CloudWatch's documentation has the form)."""
    moment = at or datetime.now(UTC) + timedelta(seconds=1)
    return {
        "version": "0",
        "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"],
        "detail": {
            "alarmName": name,
            "configuration": {"description": "", "metrics": []},
            "previousState": {"value": "OK", "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S.000+0000}"},
            "state": {
                "value": value,
                "reason": "Threshold Crossed: 2 datapoints were greater than the threshold (0.05).",
                "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S.%f+0000}",
            },
        },
    }


FAILURES = f"{STACK}-canary-{NAME}-failures"


def test_an_alarm_takes_the_canary_of_its_model_back(registry: Registry) -> None:
    """At once, with the alarm's reason in the history; other models' canaries go on."""
    assert tell(alarm(FAILURES)) == {"withdrawn": True}
    pointer, other = registry.production(NAME), registry.production("other")
    assert pointer is not None
    assert other is not None
    assert (pointer.canary, pointer.action, pointer.actor) == (None, "withdraw", "alarm")
    assert pointer.reason.startswith(f"{FAILURES}: Threshold Crossed")
    assert other.canary is not None


def test_an_alarm_that_comes_twice_moves_once(registry: Registry) -> None:
    """Events come at least once."""
    event = alarm(FAILURES)
    assert [tell(event), tell(event)] == [{"withdrawn": True}, {"withdrawn": False}]
    assert len(registry.history(NAME)) == 3


def test_an_alarm_without_a_canary_moves_nothing(registry: Registry) -> None:
    """Also for a model that has nothing in production, or never had."""
    registry.withdraw(NAME, **WHO)
    assert tell(alarm(FAILURES)) == {"withdrawn": False}
    assert tell(alarm(f"{STACK}-canary-never-failures")) == {"withdrawn": False}
    assert len(registry.history(NAME)) == 3


def test_an_alarm_of_an_earlier_canary_moves_nothing(registry: Registry) -> None:
    """It came late: what runs now began after it. A larger share of the same canary is no new beginning."""
    began = datetime.now(UTC)
    registry.withdraw(NAME, **WHO)
    third = registry.publish(*version([3.0] * 8))
    registry.canary(NAME, third, 10, **WHO)
    assert tell(alarm(FAILURES, at=began)) == {"withdrawn": False}
    meanwhile = datetime.now(UTC)
    registry.canary(NAME, third, 50, **WHO)
    assert tell(alarm(FAILURES, at=meanwhile)) == {"withdrawn": True}


@pytest.mark.parametrize("more", [False, True])
def test_an_alarm_overtaken_by_the_promotion_rolls_it_back(registry: Registry, *, more: bool) -> None:
    """What is in alarm was widened to everybody while the alarm was on its way: it is taken back.

    Also where another canary has begun beside it.
    """
    third = registry.publish(*version([3.0] * 8))

    class Overtaken(Registry):
        def withdraw(self, model: str, **given: Any) -> Pointer:
            pointer = self.production(model)
            assert pointer is not None
            assert pointer.canary is not None
            self.promote(model, pointer.canary.manifest, **WHO)
            if more:
                self.canary(model, third, 10, **WHO)
            return super().withdraw(model, **given)

    before = registry.production(NAME)
    assert before is not None
    moved = withdraw(Overtaken(registry.store), alarm(FAILURES), f"{STACK}-canary-")
    assert moved is not None
    assert (moved.action, moved.stable, moved.canary) == ("rollback", before.stable, None)


def test_an_alarm_spares_a_canary_that_began_meanwhile(registry: Registry) -> None:
    """While the alarm's event is looked at, somebody takes its canary back and begins another one."""
    third = registry.publish(*version([3.0] * 8))

    class Overtaken(Registry):
        def withdraw(self, model: str, **given: Any) -> Pointer:
            if not self.overtaken:
                self.overtaken = True
                super().withdraw(model, **WHO)
                super().canary(model, third, 10, **WHO)
            return super().withdraw(model, **given)

        overtaken = False

    event = alarm(FAILURES, at=datetime.now(UTC))
    assert withdraw(Overtaken(registry.store), event, f"{STACK}-canary-") is None
    pointer = registry.production(NAME)
    assert pointer is not None
    assert pointer.canary is not None
    assert pointer.canary.version == third


@pytest.mark.parametrize("moves", [1, 4, 5])
def test_an_alarm_is_looked_at_again_when_it_was_overtaken(registry: Registry, moves: int) -> None:
    """The same canary with another share is still the one in alarm; in the end the event comes once more."""
    left = iter(range(moves))

    class Widened(Registry):
        def withdraw(self, model: str, **given: Any) -> Pointer:
            pointer = self.production(model)
            assert pointer is not None
            assert pointer.canary is not None
            if next(left, None) is not None:
                super().canary(model, pointer.canary.manifest, pointer.canary.weight + 1, **WHO)
            return super().withdraw(model, **given)

    widened = Widened(registry.store)
    if moves == 5:
        with pytest.raises(PointerMoved):
            withdraw(widened, alarm(FAILURES), f"{STACK}-canary-")
        return
    moved = withdraw(widened, alarm(FAILURES), f"{STACK}-canary-")
    assert moved is not None
    assert (moved.action, moved.canary) == ("withdraw", None)


def test_an_alarm_that_is_over_moves_nothing(registry: Registry) -> None:
    """Back to OK is good news."""
    assert tell(alarm(FAILURES, value="OK")) == {"withdrawn": False}
    pointer = registry.production(NAME)
    assert pointer is not None
    assert pointer.canary is not None


@pytest.mark.usefixtures("registry")
def test_an_alarm_of_another_stack_is_an_error() -> None:
    """The rule lets only ours through: another one is a fault that somebody should see."""
    with pytest.raises(InvalidRequest):
        tell(alarm(f"elsewhere-canary-{NAME}-failures"))


def test_data_that_came_in_start_one_execution(running: Machine) -> None:
    """However often S3 tells of them; the execution trains with them."""
    running.reset()
    event = {
        "source": "aws.s3",
        "detail": {
            "bucket": {"name": DATA},
            "object": {"key": f"training/{NAME}/june.csv", "size": 5, "etag": "9", "sequencer": "1"},
        },
    }
    first = tell(event)
    [name] = first["started"]
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{STACK}-release:{name}"
    running.wait(arn)
    assert tell(event) == {"started": []}
    assert running.jobs == [
        {"model": NAME, "data": f"s3://{DATA}/training/{NAME}/june.csv", "seed": "0", "run": name}
    ]
    ignored = {"source": "aws.s3", "detail": {"bucket": {"name": DATA}, "object": {"key": "training/x"}}}
    assert tell(ignored) == {"started": []}


def test_a_schedule_trains_with_the_newest_data(running: Machine) -> None:
    """One execution per model that has data, and for each time once."""
    running.reset()
    boto3.client("s3").put_object(Bucket=DATA, Key=f"training/{NAME}/may.csv", Body=b"x")
    event = {"models": [NAME, "other", ""], "time": "2026-06-01T00:00:00Z"}
    [name] = tell(event)["started"]
    running.wait(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{STACK}-release:{name}")
    assert tell(event) == {"started": []}
    assert [job["data"] for job in running.jobs] == [f"s3://{DATA}/training/{NAME}/may.csv"]


def test_the_environment_is_that_of_the_template() -> None:
    """What the tests set is what the template sets, and what the settings read."""
    from tests.release_machine import TEMPLATE

    declared = TEMPLATE["Resources"]["ReleaseFunction"]["Properties"]["Environment"]["Variables"]
    ours = {name for name in ENVIRONMENT if name.startswith("MAAS_")}
    assert ours <= declared.keys() | {"MAAS_MODELS_BUCKET", "MAAS_REFRESH_SECONDS"}
