"""What a function logs about its canary is what the release watches: the same lines, the same names."""

import io
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto.cloudwatch.models import Statistics

from maas.errors import GoldenMismatch
from maas.rollout.trial import Metrics, Tolerance
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
