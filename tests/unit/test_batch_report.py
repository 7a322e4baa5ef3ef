"""What a scored file cost, as its report estimates it."""

import pytest

from maas import prices
from maas.batch import report
from maas.batch.job import Job, Progress
from maas.batch.names import read


@pytest.mark.parametrize(("machine", "processor"), [("x86_64", "x86_64"), ("aarch64", "arm64")])
def test_the_processor_is_the_one_it_runs_on(
    monkeypatch: pytest.MonkeyPatch, machine: str, processor: str
) -> None:
    """Arm costs a fifth less, and the report says which it took and how much memory."""
    monkeypatch.setattr("platform.machine", lambda: machine)
    job = Job(bucket="b", key="inbox/tiny/a.csv", etag="e", size=1)
    done = Progress(model_seconds=100.0, blocks=1)
    cost = report.report(job, read(job.key), [done], now=1.0, memory=1024)["cost"]
    compute = 100 * prices.LAMBDA_GIGABYTE_SECOND[processor]
    assert compute < cost["usd"] < compute * 1.1
    assert f"{processor}; 1024 MB for each function" in cost["assumes"]
