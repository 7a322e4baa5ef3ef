"""What a function logs about its canary is what the release watches: the same lines, the same names."""

import io
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.cloudwatch.models import Statistics

from functions.release.handler import Release
from maas.errors import GoldenMismatch
from maas.rollout.trial import Figures, Metrics, Tolerance
from maas.settings import Settings
from maas.telemetry import Telemetry
from tests.emf_metrics import percentile, put_line

CANARY, STABLE = "c" * 12, "a" * 12


@pytest.fixture
def metrics(aws: None, monkeypatch: pytest.MonkeyPatch) -> Metrics:
    """CloudWatch as the watch of a release reads it."""
    del aws
    monkeypatch.setattr(Statistics, "get_statistics_for_type", percentile)
    return Metrics(boto3.client("cloudwatch"), environment="local", alarms="maas-canary-")


def logged(telemetry: Telemetry, *, version: str, failed: bool) -> None:
    """One request, as a model's function counts it; the lines go to CloudWatch."""

    def handler(event: object, context: object) -> None:
        del event, context
        if failed:
            telemetry.canary_failed(GoldenMismatch("broken"), version=version)
            telemetry.served(version=STABLE)
        else:
            telemetry.served(version=version, track="canary" if version == CANARY else "stable")
        telemetry.answered(0.02, status=200)

    with redirect_stdout(io.StringIO()) as out:
        telemetry.wrap(handler)({}, None)
    for line in out.getvalue().splitlines():
        if '"_aws"' in line:
            put_line(line.encode())


@pytest.mark.parametrize(("failed", "verdict"), [(0, "widen"), (9, "withdraw")])
def test_a_canary_that_stable_stands_in_for_is_taken_back(
    metrics: Metrics, failed: int, verdict: str
) -> None:
    """For callers nothing failed; for the canary's own version it did, and the watch sees that."""
    telemetry = Telemetry("tiny", Settings("models"))
    for number in range(30):
        logged(telemetry, version=CANARY, failed=number < failed)
        logged(telemetry, version=STABLE, failed=False)
    now = datetime.now(UTC)
    canary, stable = (
        metrics.figures("tiny", version, now - timedelta(minutes=5), now) for version in (CANARY, STABLE)
    )
    assert (canary.requests, canary.failed) == (30, failed)
    assert stable.failed == 0
    assert canary.latency == 20 or failed
    assert Tolerance(requests=20).verdict(canary, stable, []).next == verdict


class Asked:
    """CloudWatch, as far as it is asked for metrics: moto would give those of every namespace."""

    def __init__(self) -> None:
        self.namespaces: set[str] = set()

    def get_metric_data(self, **query: Any) -> dict[str, Any]:
        for one in query["MetricDataQueries"]:
            self.namespaces.add(one["MetricStat"]["Metric"]["Namespace"])
        return {"MetricDataResults": []}


def test_the_canary_of_another_stack_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The release function asks in its own stack's namespace, in which the models' functions write."""
    for name, value in {
        "MAAS_MODELS_BUCKET": "models",
        "POWERTOOLS_METRICS_NAMESPACE": "maas/mine",
        "MAAS_FUNCTIONS": "mine-",
        "MAAS_CANARY_ALARMS": "mine-canary-",
        "MAAS_RELEASE_STATE_MACHINE": "arn:aws:states:us-east-1:123456789012:stateMachine:mine-release",
        "MAAS_DATA_BUCKET": "data",
    }.items():
        monkeypatch.setenv(name, value)
    client, now = Asked(), datetime.now(UTC)
    monkeypatch.setattr("boto3.session.Session.client", lambda *_, **__: client)
    metrics: Metrics = Release("release")._steps._metrics
    assert metrics.figures("tiny", CANARY, now, now) == Figures()
    assert client.namespaces == {Settings.from_environment().metrics_namespace} == {"maas/mine"}
