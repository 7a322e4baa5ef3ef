"""Every alarm and every curve looks at a metric that is written, in its namespace and by its dimensions."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from samcli.yamlhelper import yaml_parse

from maas import emf

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
NAMESPACE = "maas/${AWS::StackName}"
SOURCES = "\n".join(
    path.read_text()
    for folder in ("layers/common/maas", "functions")
    for path in sorted((ROOT / folder).rglob("*.py"))
)
SERVICES = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
OF_AWS = {
    "AWS/ApiGateway": {"ApiName", "Stage"},
    "AWS/Lambda": {"FunctionName"},
    "AWS/SQS": {"QueueName"},
    "AWS/States": {"StateMachineArn"},
}


class Metric(NamedTuple):
    """What somebody looks at; `values` are those of dimensions that are texts."""

    namespace: Any
    name: str
    dimensions: frozenset[str]
    values: dict[str, Any]


def of_alarm(properties: dict[str, Any]) -> Iterator[Metric]:
    parts = [one["MetricStat"]["Metric"] for one in properties.get("Metrics", []) if "MetricStat" in one]
    for part in parts or [properties]:
        values = {one["Name"]: one["Value"] for one in part["Dimensions"]}
        yield Metric(part["Namespace"], part["MetricName"], frozenset(values), values)


def of_search(text: str) -> Metric:
    """`{namespace,dimension,...} dimension="value" ... MetricName="name"`, as CloudWatch searches."""
    schema, _, terms = text.partition("} ")
    namespace, *dimensions = schema.removeprefix("{").split(",")
    values = dict(re.findall(r'(\w+)="([^"]*)"', terms))
    return Metric(namespace.strip('"'), values.pop("MetricName"), frozenset(dimensions), values)


def is_written(metric: Metric) -> bool:
    """Whether a function writes it under these dimensions."""
    properties = dict.fromkeys(("environment", "service", "version", "track", "code"), "x")
    line = json.loads(emf.line({metric.name: 1}, properties, namespace="maas/stack"))
    sets = [frozenset(names) for one in line["_aws"]["CloudWatchMetrics"] for names in one["Dimensions"]]
    return metric.dimensions in sets and f'"{metric.name}"' in SOURCES


def check(metric: Metric) -> None:
    """Of AWS's metrics the dimensions are known, of ours they are what emf writes."""
    if isinstance(metric.namespace, str) and metric.namespace in OF_AWS:
        assert metric.dimensions == OF_AWS[metric.namespace], metric
        return
    assert metric.namespace in (NAMESPACE, {"Fn::Sub": NAMESPACE}), metric
    assert is_written(metric), metric
    assert metric.values["environment"] in ("${Environment}", {"Ref": "Environment"}), metric
    assert metric.values.get("service", "monitor") in SERVICES, metric
    assert metric.values.get("track", "stable") in get_args(emf.Track.__value__), metric
    assert set(metric.values) <= metric.dimensions, metric


ALARMS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


def test_functions_write_where_alarms_look() -> None:
    """All functions have the stack's own namespace, which is what keeps two stacks apart."""
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == {"Fn::Sub": NAMESPACE}
    for name, resource in RESOURCES.items():
        own = resource.get("Properties", {}).get("Environment", {})
        if resource["Type"] == "AWS::Serverless::Function":
            assert "POWERTOOLS_METRICS_NAMESPACE" not in own.get("Variables", {}), name


@pytest.mark.parametrize("name", ALARMS)
def test_alarms_look_at_what_is_written(name: str) -> None:
    """A metric, a dimension or a namespace with another name would never raise an alarm."""
    metrics = list(of_alarm(ALARMS[name]))
    assert metrics
    for metric in metrics:
        check(metric)
    if "Metrics" in ALARMS[name]:
        (expression,) = [one["Expression"] for one in ALARMS[name]["Metrics"] if "Expression" in one]
        used = set(re.findall(r"\b[a-z]+\b", expression))
        assert used == {one["Id"] for one in ALARMS[name]["Metrics"] if "MetricStat" in one}


def searches() -> list[str]:
    """Everything that the dashboard searches for, its list of models included."""
    text = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    body = json.loads(text)
    found = [variable["search"] for variable in body["variables"]]
    for widget in body["widgets"]:
        for (metric,) in widget["properties"].get("metrics", []):
            matched = re.fullmatch(r"SEARCH\('(.*)', '[\w.]+', \d+\)", metric["expression"])
            assert matched, metric
            found.append(matched[1])
    return found


@pytest.mark.parametrize("search", sorted(set(searches())))
def test_curves_show_what_is_written(search: str) -> None:
    """A search that fits nothing is an empty curve, and nobody notices."""
    if search.startswith("{AWS/SQS"):  # by words of the queues' names
        assert search.endswith('MetricName="ApproximateNumberOfMessagesVisible"')
        return
    check(of_search(search))


@pytest.mark.parametrize(
    "wrong",
    [
        Metric(NAMESPACE, "Failed", frozenset({"environment", "service", "code"}), {"environment": "x"}),
        Metric(NAMESPACE, "Fails", frozenset({"environment", "service"}), {"environment": "${Environment}"}),
        Metric("maas", "Failed", frozenset({"environment", "service"}), {"environment": "${Environment}"}),
        Metric("AWS/Lambda", "Errors", frozenset({"Function"}), {}),
    ],
)
def test_a_wrong_name_is_noticed(wrong: Metric) -> None:
    """The comparison sees each kind of difference."""
    with pytest.raises(AssertionError):
        check(wrong)
