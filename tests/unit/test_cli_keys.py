"""`maas keys` against API Gateway in this process."""

import json
from datetime import date
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from typer.testing import CliRunner

from cli import keys
from cli.consumers import Consumers, Day, Share
from cli.deployment import Deployment
from cli.failure import CommandError
from cli.main import app
from maas.errors import AlreadyExists, NotFound

RATES = Share(10.0, 20, 1000)


@pytest.fixture
def gateway(aws: None) -> Any:
    """API Gateway with an API and the stack's usage plan."""
    assert aws is None
    return boto3.client("apigateway")


@pytest.fixture
def outputs(gateway: Any) -> dict[str, str]:
    """What the stack says of itself."""
    api = gateway.create_rest_api(name="maas")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    gateway.create_deployment(restApiId=api, stageName="dev")
    plan = gateway.create_usage_plan(
        name="maas-dev",
        apiStages=[{"apiId": api, "stage": "dev"}],
        throttle={"rateLimit": 10.0, "burstLimit": 20},
        quota={"limit": 1000, "period": "DAY"},
    )
    return {"UsagePlan": plan["id"], "ApiId": api, "ApiStage": "dev"}


@pytest.fixture
def consumers(gateway: Any, outputs: dict[str, str]) -> Consumers:
    """The consumers of that stack."""
    return Consumers.of(Deployment(outputs, lambda _: gateway), "maas-dev")


@pytest.fixture
def commands(gateway: Any, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """`maas keys ...` on that stack."""

    def find(stack: str | None) -> Deployment:
        assert stack == "maas-dev"
        return Deployment(outputs, lambda _: gateway)

    monkeypatch.setattr(keys, "find", find)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, ["keys", *arguments, "--stack", "maas-dev"])


def test_a_consumer_has_the_stack_s_share(consumers: Consumers, gateway: Any) -> None:
    """The key is in the stack's plan, carries the stack's name, and is worth the value that was shown."""
    made, value = consumers.create("traffic-office")
    assert made.share == RATES
    key = gateway.get_api_key(apiKey=made.key_id, includeValue=True)
    assert (key["name"], key["value"], key["enabled"]) == ("maas-dev/traffic-office", value, True)
    assert [consumer.name for consumer in consumers.all()] == ["traffic-office"]


def test_a_consumer_may_have_a_share_of_its_own(consumers: Consumers, gateway: Any) -> None:
    """Its plan covers this API's stage and nobody else's key."""
    consumers.create("office")
    made, _ = consumers.create("bulk", Share(50.0, 100, None))
    assert made.share == Share(50.0, 100, None)
    plan = gateway.get_usage_plan(usagePlanId=made.plan_id)
    assert plan["apiStages"] == [{"apiId": consumers.api_id, "stage": "dev"}]
    assert len(gateway.get_usage_plan_keys(usagePlanId=made.plan_id)["items"]) == 1
    assert consumers.get("office").share == RATES


def test_a_revoked_key_is_gone_with_its_plan(consumers: Consumers, gateway: Any) -> None:
    """Nothing of a consumer stays, and the stack's own plan does."""
    consumers.create("office")
    consumers.create("bulk", Share(50.0, 100, 7))
    consumers.revoke("bulk")
    consumers.revoke("office")
    assert list(consumers.all()) == []
    assert gateway.get_api_keys()["items"] == []
    assert [plan["name"] for plan in gateway.get_usage_plans()["items"]] == ["maas-dev"]
    with pytest.raises(NotFound, match="bulk"):
        consumers.revoke("bulk")


def test_a_second_key_for_the_same_consumer_is_refused(consumers: Consumers) -> None:
    """Whoever lost a key revokes it: two keys would be two quotas."""
    consumers.create("office")
    with pytest.raises(AlreadyExists, match="revoke"):
        consumers.create("office")
    assert len(list(consumers.all())) == 1


@pytest.mark.parametrize("name", ["", "Office", "-x", "a b", "a/b", "x" * 64])
def test_names_are_plain(consumers: Consumers, name: str) -> None:
    """A name is part of another name, so it holds nothing that could mean something there."""
    with pytest.raises(CommandError, match="name"):
        consumers.create(name)


def test_other_stacks_are_other_people_s(consumers: Consumers, gateway: Any) -> None:
    """Keys of a stack whose name begins alike are neither listed nor revoked."""
    gateway.create_api_key(name="maas-dev2/office", enabled=True)
    gateway.create_api_key(name="office", enabled=True)
    assert list(consumers.all()) == []
    with pytest.raises(NotFound):
        consumers.revoke("office")


def test_a_key_that_could_not_be_given_a_share_is_not_left_behind(
    consumers: Consumers, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a consumer would be in the way of the next attempt."""

    def fail(**_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(gateway, "create_usage_plan_key", fail)
    for share in (None, Share(1.0, 1, 1)):
        with pytest.raises(ConnectionError):
            consumers.create("office", share)
    assert gateway.get_api_keys()["items"] == []
    assert len(gateway.get_usage_plans()["items"]) == 1


def test_a_stack_without_keys_says_so(gateway: Any) -> None:
    """There is nothing to hand out where the API asks for no key."""
    with pytest.raises(CommandError, match="no API keys") as caught:
        Consumers.of(Deployment({}, lambda _: gateway), "maas-dev")
    assert "ApiKeys=required" in caught.value.next_step


def test_usage_is_counted_day_by_day(consumers: Consumers, gateway: Any) -> None:
    """API Gateway's rows of used and left become days; its answer may come in pages."""
    made, _ = consumers.create("office")
    asked = {
        "usagePlanId": made.plan_id,
        "keyId": made.key_id,
        "startDate": "2026-11-20",
        "endDate": "2026-11-22",
    }
    listing = consumers.get("office")
    with Stubber(gateway) as stub:
        # The emulations know no GetUsage; the stub holds both sides to the service's own model.
        stub.add_response(
            "get_usage", {"items": {made.key_id: [[3, 997], [0, 1000]]}, "position": "p"}, asked
        )
        stub.add_response("get_usage", {"items": {made.key_id: [[9, 991]]}}, {**asked, "position": ANY})
        found = _usage_of(consumers, listing)
    assert found == [
        Day(date(2026, 11, 20), 3, 997),
        Day(date(2026, 11, 21), 0, 1000),
        Day(date(2026, 11, 22), 9, 991),
    ]


def _usage_of(consumers: Consumers, listing: Any) -> list[Day]:
    """The usage of a consumer that was looked up before the stub took over."""

    class Found(Consumers):
        def get(self, name: str) -> Any:
            assert name == listing.name
            return listing

    found = Found(consumers.client, consumers.stack, consumers.plan_id, consumers.api_id, consumers.stage)
    return found.usage("office", 3, today=date(2026, 11, 22))


def test_the_value_is_shown_once(commands: Any) -> None:
    """`create` prints the key; no other command ever does."""
    made = json.loads(commands("create", "office", "--json").output)
    assert len(made["value"]) >= 20
    again = commands("list").output + commands("list", "--json").output + commands("revoke", "office").output
    assert made["value"] not in again
    assert "office" in again


def test_limits_make_a_share(commands: Any) -> None:
    """Any of the three options gives the consumer a share of its own; the others get sensible values."""
    assert json.loads(commands("create", "a", "--rate", "3", "--json").output)["share"] == {
        "rate": 3.0,
        "burst": 6,
        "per_day": None,
    }
    assert "7 a day" in commands("create", "b", "--per-day", "7").output


def test_an_empty_list_says_what_comes_next(commands: Any) -> None:
    """Nobody has a key yet."""
    assert "Nobody" in commands("list").output
    assert commands("revoke", "office").exit_code == 1
