"""`maas cost` and `maas tune`: durations measured on a deployed function, turned into money and advice."""

import base64
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli import cost, tune
from cli.deployment import Deployment
from cli.invocation import measure
from cli.main import app
from maas import emf
from maas.prices import Cost
from tests.emf_metrics import put_line

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:maas-local-traffic_flow"


class Waiter:
    """Whatever was asked for has happened already."""

    def wait(self, **_: Any) -> None:
        pass


@dataclass
class Lambda:
    """Answers as Lambda does; a function's duration halves with each doubling of its memory up to 1769 MB."""

    memory: int = 1024
    answer: Any = field(default_factory=lambda: {"predictions": [{}]})
    error: str | None = None
    tail: bool = True
    sizes: list[int] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def get_function_configuration(self, **_: Any) -> dict[str, Any]:
        return {
            "FunctionName": "maas-local-traffic_flow",
            "MemorySize": self.memory,
            "Architectures": ["x86_64"],
        }

    def update_function_configuration(self, *, FunctionName: str, MemorySize: int) -> None:  # noqa: N803
        assert FunctionName == FUNCTION
        self.memory = MemorySize
        self.sizes.append(MemorySize)

    def get_waiter(self, name: str) -> Waiter:
        assert name == "function_updated_v2"
        return Waiter()

    def invoke(self, *, FunctionName: str, Payload: bytes, LogType: str) -> dict[str, Any]:  # noqa: N803
        assert LogType == "Tail"
        assert json.loads(Payload)["instances"]
        self.called.append(FunctionName)
        milliseconds = 20 * 1024 / min(self.memory, 1769)
        report = (
            f"REPORT RequestId: 1\tDuration: 1.5 ms\tBilled Duration: {milliseconds:.0f} ms\tMemory Size: 1\n"
        )
        answer = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        if self.tail:
            answer["LogResult"] = base64.b64encode(report.encode())  # type: ignore[assignment]
        return answer | ({"FunctionError": self.error} if self.error else {})  # type: ignore[dict-item]


@pytest.fixture
def deployed(aws: None, monkeypatch: pytest.MonkeyPatch) -> Lambda:  # noqa: ARG001 -- it starts moto
    """A stack with one model, whose Lambda is `Lambda` above and whose CloudWatch is moto's."""
    service = Lambda()
    clients = {"lambda": service, "cloudwatch": boto3.client("cloudwatch")}
    outputs = {"TrafficFlowFunction": f"{FUNCTION}:live", "ApiStage": "dev"}
    found = Deployment(outputs, clients.__getitem__, "mine")
    for module in (cost, tune):
        monkeypatch.setattr(module, "find", lambda _: found)
    return service


def logged(namespace: str, **metrics: list[float]) -> None:
    """What a stack's function wrote about the model; moto would find it again by version and by track."""
    properties = {"environment": "dev", "service": "traffic_flow"}
    put_line(emf.line(metrics, properties, namespace=namespace), hours_ago=1)


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_costs_without_traffic_are_measured_now(deployed: Lambda) -> None:
    """Nobody has called yet: a few calls of the live version give the duration that is billed."""
    [row] = run("cost")
    assert (row["model"], row["milliseconds"], row["memory"]) == ("traffic_flow", 20.0, 1024)
    assert row["usd_per_thousand"] == pytest.approx(Cost(20.0, 1024).per_thousand)
    assert row["calls_per_month"] == 0
    assert set(deployed.called) == {f"{FUNCTION}:live"}


def test_costs_with_traffic_are_those_of_the_last_days(deployed: Lambda) -> None:
    """What calls of :predict took decides; explanations, files and other stacks' calls do not count."""
    logged("maas/mine", Latency=[4.0, 6.0, 8.0], ExplainLatency=[300.0], BlockLatency=[2000.0])
    logged("maas/other", Latency=[500.0])
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Duration",
                "Dimensions": [{"Name": "FunctionName", "Value": "maas-local-traffic_flow"}],
                "Timestamp": datetime.now(UTC) - timedelta(hours=1),
                "Value": 900.0,
            }
        ],
    )
    [row] = run("cost", "traffic_flow")
    assert row["milliseconds"] == pytest.approx(6.0)
    assert row["calls_per_month"] == pytest.approx(3 / 7 * 30)
    assert not deployed.called
    [row] = run("cost", "traffic_flow", "--calls", "1000000")
    assert row["usd_per_month"] == pytest.approx(Cost(6.0, 1024).month(1_000_000))


def test_each_model_says_what_it_was_measured_over(deployed: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    """One was called lately, another is called now, and neither stands for the other."""
    logged("maas/mine", Latency=[4.0])
    monkeypatch.setattr(cost, "models", lambda _: ["traffic_flow", "digits"])
    cost.find(None).outputs["DigitsFunction"] = f"{FUNCTION}:live"
    shown = " ".join(CliRunner().invoke(app, ["cost"]).output.split())
    assert "Measured over the last 7 days: traffic_flow." in shown
    assert "Measured over 20 calls just now: digits." in shown
    assert deployed.called


def test_cost_is_a_table_for_people(deployed: Lambda) -> None:
    """The table names the model, its price and the break-even; a model that fails has its line too."""
    shown = CliRunner().invoke(app, ["cost"]).output
    assert "traffic_flow" in shown
    assert "break-even" in shown
    deployed.answer = {"status": 503, "detail": "no version in production"}
    assert "no version in production" in CliRunner().invoke(app, ["cost"]).output


def test_an_unknown_model_is_named(deployed: Lambda) -> None:  # noqa: ARG001 -- the stack
    """A model the stack does not have ends with exit code 1 and its name."""
    done = CliRunner().invoke(app, ["cost", "nobody"])
    assert done.exit_code == 1
    assert "nobody" in done.output


def test_tuning_recommends_and_leaves_no_trace(deployed: Lambda) -> None:
    """Every size is measured on the unpublished version, and the function gets its own size back."""
    found = run("tune", "traffic_flow", "--sizes", "512,1024,1769,3008", "--calls", "3")
    assert [size["memory"] for size in found["sizes"]] == [512, 1024, 1769, 3008]
    assert [size["milliseconds"] for size in found["sizes"]] == [40, 20, 12, 12]
    assert found["recommended"] == 1769  # the same money, and faster; 3008 MB are not faster
    assert deployed.memory == 1024
    assert deployed.sizes == [512, 1024, 1769, 3008, 1024]
    assert set(deployed.called) == {FUNCTION}


def test_tuning_gives_the_size_back_when_a_call_fails(deployed: Lambda) -> None:
    """A function that fails ends the command, not the old memory size."""
    deployed.error = "Unhandled"
    assert CliRunner().invoke(app, ["tune", "traffic_flow", "--sizes", "512"]).exit_code == 1
    assert deployed.memory == 1024


@pytest.mark.parametrize("sizes", ["64", "a", "512,,1024", "20000"])
def test_sizes_that_lambda_does_not_have_are_refused(deployed: Lambda, sizes: str) -> None:
    """Wrong sizes are wrong usage, before anything changes."""
    assert CliRunner().invoke(app, ["tune", "traffic_flow", "--sizes", sizes]).exit_code == 2
    assert not deployed.sizes


def test_without_a_report_this_clock_measures() -> None:
    """Where the log has no report, the time that passed here counts, and says so."""
    timing = measure(Lambda(tail=False), FUNCTION, {"instances": [{}]}, 3)
    assert not timing.billed
    assert len(timing.milliseconds) == 3
    assert all(milliseconds > 0 for milliseconds in timing.milliseconds)
