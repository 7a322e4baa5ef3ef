"""What CloudWatch makes of a function's log lines, and moto does not: the metrics in them, put one by one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import numpy as np
from moto.cloudwatch.models import Statistics

from maas import emf

_KNOWN = Statistics.get_statistics_for_type


def put(
    service: str,
    version: str,
    requests: int,
    *,
    failed: int = 0,
    track: emf.Track = "canary",
    milliseconds: float = 5,
) -> None:
    """The metrics of some requests, as maas.telemetry writes them."""
    metrics = {
        "Requests": [1] * requests,
        "Failed": [int(number < failed) for number in range(requests)],
        "Latency": [milliseconds] * requests,
    }
    properties = {"environment": "local", "service": service, "version": version, "track": track}
    put_line(emf.line(metrics, properties))


def put_line(line: bytes, *, hours_ago: float = 0) -> None:
    """The metrics of one line in the Embedded Metric Format, each with up to 100 values."""
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    document = json.loads(line)
    client = boto3.client("cloudwatch")
    for directive in document["_aws"]["CloudWatchMetrics"]:
        data: list[Any] = [
            {
                "MetricName": metric["Name"],
                "Dimensions": [{"Name": name, "Value": document[name]} for name in dimensions],
                "Values": _listed(document[metric["Name"]]),
                "Unit": metric["Unit"],
                "Timestamp": at,
            }
            for dimensions in directive["Dimensions"]
            for metric in directive["Metrics"]
        ]
        client.put_metric_data(Namespace=directive["Namespace"], MetricData=data)


def _listed(value: Any) -> list[float]:
    return value if isinstance(value, list) else [value]


def percentile(self: Any, statistic: str) -> float | None:
    """What moto's Statistics.get_statistics_for_type knows, and percentiles, which it does not."""
    if statistic.startswith("p"):
        return float(np.percentile([datum.value for datum in self.metric_data], float(statistic[1:])))
    known: float | None = _KNOWN(self, statistic)
    return known
