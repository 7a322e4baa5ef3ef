"""What a canary's metrics say: go on, wait for more of them, or take it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from maas.emf import NAMESPACE

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_PERIOD_SECONDS = 60
# Differences that nobody notices are not worth a release that is taken back.
_UNNOTICED_MILLISECONDS = 20.0
_METRICS: Mapping[str, tuple[str, str]] = {
    "requests": ("Requests", "Sum"),
    "failed": ("Failed", "Sum"),
    "latency": ("Latency", "p95"),
}


class Verdict(NamedTuple):
    """What to do with a canary, and why."""

    next: Literal["widen", "wait", "withdraw"]
    reason: str


@dataclass(frozen=True)
class Figures:
    """What one version answered in some time.

    Attributes:
        requests: How many.
        failed: Those of them that were our fault (5xx).
        latency: The largest 95th percentile of any minute, in milliseconds; 0 without requests.
    """

    requests: float = 0.0
    failed: float = 0.0
    latency: float = 0.0

    @property
    def failures(self) -> float:
        """The share that failed."""
        return self.failed / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Tolerance:
    """How a canary may differ from the stable version beside it.

    Attributes:
        requests: Fewer say nothing.
        failures: The share of failures that it may have more, as 0.01.
        slower: Its latency over the stable version's.
    """

    requests: int = 100
    failures: float = 0.01
    slower: float = 2.0

    def verdict(self, canary: Figures, stable: Figures, alarms: Sequence[str]) -> Verdict:
        """Judge a canary beside the stable version, over the same time."""
        if alarms:
            return Verdict("withdraw", f"in alarm: {', '.join(alarms)}")
        # A canary that fails and fails need not reach the number of requests first.
        enough = canary.requests >= self.requests
        if canary.failures > stable.failures + self.failures and (enough or canary.failed >= self._many):
            return Verdict(
                "withdraw",
                f"{canary.failed:.0f} of {canary.requests:.0f} requests failed, "
                f"{stable.failed:.0f} of {stable.requests:.0f} beside it",
            )
        if not enough:
            return Verdict("wait", f"{canary.requests:.0f} of {self.requests} requests so far")
        limit = max(self.slower * stable.latency, stable.latency + _UNNOTICED_MILLISECONDS)
        if stable.requests and canary.latency > limit:
            return Verdict(
                "withdraw", f"p95 {canary.latency:.0f} ms, {stable.latency:.0f} ms beside it: too slow"
            )
        return Verdict("widen", f"{canary.requests:.0f} requests, {canary.failed:.0f} failed")

    @property
    def _many(self) -> float:
        return max(3.0, self.requests * self.failures)


class Metrics:
    """Figures and alarms of one stack's models, from CloudWatch.

    Args:
        client: Of CloudWatch.
        environment: The dimension of that name.
        namespace: The stack's.
        alarms: What the names of the canary alarms begin with; the model's name and a dash follow.
    """

    def __init__(
        self, client: "CloudWatchClient", *, environment: str, alarms: str, namespace: str = NAMESPACE
    ) -> None:
        self._client = client
        self._environment = environment
        self._alarms = alarms
        self._namespace = namespace

    def figures(self, model: str, version: str, since: datetime, until: datetime) -> Figures:
        """What `version`, a version's short name, answered in this time."""
        answer = self._client.get_metric_data(
            MetricDataQueries=[self._query(name, model, version) for name in _METRICS],
            StartTime=since,
            EndTime=until + timedelta(seconds=_PERIOD_SECONDS),  # the minute that has not ended counts too
        )
        values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
        return Figures(
            requests=sum(values.get("requests", ())),
            failed=sum(values.get("failed", ())),
            latency=max(values.get("latency", ()), default=0.0),
        )

    def in_alarm(self, model: str) -> list[str]:
        """The names of the model's canary alarms that are raised."""
        pages = self._client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._alarms}{model}-", StateValue="ALARM"
        )
        return [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]

    def _query(self, name: str, model: str, version: str) -> "MetricDataQueryTypeDef":
        metric, statistic = _METRICS[name]
        dimensions = {"environment": self._environment, "service": model, "version": version}
        return {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": self._namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": _PERIOD_SECONDS,
                "Stat": statistic,
            },
        }
