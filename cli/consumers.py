"""Consumers of the API: each has an API key, and a share of the API that a usage plan sets."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from cli.deployment import Deployment
from cli.failure import CommandError
from maas.errors import AlreadyExists, NotFound

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
LONGEST_DAYS = 90  # what API Gateway remembers


class Share(NamedTuple):
    """Requests per second, at once, and per day."""

    rate: float
    burst: int
    per_day: int | None = None


class Consumer(NamedTuple):
    """Somebody who has a key; never the key itself."""

    name: str
    key_id: str
    enabled: bool
    created: datetime
    plan_id: str | None
    share: Share | None


class Day(NamedTuple):
    """What a consumer used on one day (UTC), and what was left."""

    date: date
    used: int
    remaining: int


@dataclass(frozen=True)
class Consumers:
    """The consumers of one stack's API.

    Keys are named `<stack>/<consumer>`, and so is the usage plan of a consumer with a share of its own.
    """

    client: Any
    stack: str
    plan_id: str
    api_id: str
    stage: str

    @classmethod
    def of(cls, deployment: Deployment, stack: str) -> "Consumers":
        """The consumers of a deployed stack.

        Raises:
            CommandError: The stack was deployed without API keys.
        """
        if "UsagePlan" not in deployment.outputs:
            raise CommandError(
                f"The stack {stack} asks for no API keys.", next_step="deploy it with ApiKeys=required."
            )
        return cls(
            client=deployment.client("apigateway"),
            stack=stack,
            plan_id=deployment.output("UsagePlan"),
            api_id=deployment.output("ApiId"),
            stage=deployment.output("ApiStage"),
        )

    def create(self, name: str, share: Share | None = None) -> tuple[Consumer, str]:
        """A new consumer and the value of its key, which nobody can look up through us again.

        Args:
            name: The consumer's name.
            share: Its own share; by default the stack's.

        Raises:
            CommandError: That is no name.
            AlreadyExists: There is such a consumer.
        """
        if not NAME.fullmatch(name):
            raise CommandError(
                f"{name!r} is no consumer's name.",
                next_step="use a-z, 0-9, and - _ . between.",
            )
        if any(consumer.name == name for consumer in self.all()):
            raise AlreadyExists(f"{name} has a key already: revoke it first, or use another name.")
        key = self.client.create_api_key(
            name=f"{self.stack}/{name}", enabled=True, tags={"application": "maas", "stack": self.stack}
        )
        plan_id = self.plan_id
        try:
            if share:
                plan_id = self._create_plan(name, share)
            self.client.create_usage_plan_key(usagePlanId=plan_id, keyId=key["id"], keyType="API_KEY")
        except BaseException:
            # A key without a plan opens nothing, but would be in the way of the next attempt.
            with suppress(Exception):
                self.client.delete_api_key(apiKey=key["id"])
            if plan_id != self.plan_id:
                with suppress(Exception):
                    self._delete_plan(plan_id)
            raise
        return self.get(name), str(key["value"])

    def all(self) -> Iterator[Consumer]:
        """Every consumer, by name."""
        plans = {plan["id"]: plan for plan in self._plans()}
        shares = {
            key["id"]: plan_id
            for plan_id in plans
            for key in self._items("get_usage_plan_keys", usagePlanId=plan_id)
        }
        prefix = f"{self.stack}/"
        keys = self._items("get_api_keys", nameQuery=prefix, includeValues=False)
        for key in sorted(keys, key=lambda key: str(key["name"])):
            plan_id = shares.get(key["id"])
            yield Consumer(
                name=str(key["name"]).removeprefix(prefix),
                key_id=key["id"],
                enabled=bool(key.get("enabled", True)),
                created=key["createdDate"],
                plan_id=plan_id,
                share=_share(plans[plan_id]) if plan_id else None,
            )

    def get(self, name: str) -> Consumer:
        """One consumer.

        Raises:
            NotFound: There is none of this name.
        """
        for consumer in self.all():
            if consumer.name == name:
                return consumer
        raise NotFound(f"There is no consumer {name}.")

    def revoke(self, name: str) -> Consumer:
        """Delete a consumer's key, and its own usage plan where it has one; the next request is refused.

        Raises:
            NotFound: There is no such consumer.
        """
        consumer = self.get(name)
        self.client.delete_api_key(apiKey=consumer.key_id)
        if consumer.plan_id and consumer.plan_id != self.plan_id:
            self._delete_plan(consumer.plan_id)
        return consumer

    def usage(self, name: str, days: int, today: date | None = None) -> list[Day]:
        """What a consumer used on each of the last days (UTC), today included, oldest first.

        Raises:
            NotFound: There is no such consumer, or it has no plan.
        """
        consumer = self.get(name)
        if consumer.plan_id is None:
            raise NotFound(f"The consumer {name} has no usage plan.")
        last = today or datetime.now(UTC).date()
        first = last - timedelta(days=min(days, LONGEST_DAYS) - 1)
        counted: list[list[int]] = []
        position: dict[str, str] = {}
        while True:
            answer = self.client.get_usage(
                usagePlanId=consumer.plan_id,
                keyId=consumer.key_id,
                startDate=first.isoformat(),
                endDate=last.isoformat(),
                **position,
            )
            counted += answer.get("items", {}).get(consumer.key_id, [])
            if not answer.get("position"):
                break
            position = {"position": answer["position"]}
        return [
            Day(first + timedelta(days=place), used, remaining)
            for place, (used, remaining) in enumerate(counted)
        ]

    def _create_plan(self, name: str, share: Share) -> str:
        """A usage plan for one consumer."""
        plan = self.client.create_usage_plan(
            name=f"{self.stack}/{name}",
            description=f"The share of {name}.",
            apiStages=[{"apiId": self.api_id, "stage": self.stage}],
            throttle={"rateLimit": share.rate, "burstLimit": share.burst},
            **({"quota": {"limit": share.per_day, "period": "DAY"}} if share.per_day else {}),
            tags={"application": "maas", "stack": self.stack},
        )
        return str(plan["id"])

    def _delete_plan(self, plan_id: str) -> None:
        """API Gateway deletes a plan only once it holds no stage."""
        removal = {"op": "remove", "path": "/apiStages", "value": f"{self.api_id}:{self.stage}"}
        self.client.update_usage_plan(usagePlanId=plan_id, patchOperations=[removal])
        self.client.delete_usage_plan(usagePlanId=plan_id)

    def _plans(self) -> Iterator[dict[str, Any]]:
        for plan in self._items("get_usage_plans"):
            if plan["id"] == self.plan_id or plan["name"].startswith(f"{self.stack}/"):
                yield plan

    def _items(self, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator(operation).paginate(**arguments):
            yield from page["items"]


def _share(plan: dict[str, Any]) -> Share:
    throttle, quota = plan.get("throttle") or {}, plan.get("quota") or {}
    return Share(throttle.get("rateLimit", 0), throttle.get("burstLimit", 0), quota.get("limit"))
