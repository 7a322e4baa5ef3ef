"""What the template says about watching: off by default, forgotten in time, seen by people."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from tests.iam import Roles

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
MODELS = [
    path.parent.name
    for path in sorted((ROOT / "functions").glob("*/handler.py"))
    if "Endpoint(" in path.read_text()
]


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def test_nothing_is_captured_by_default() -> None:
    """Neither requests nor subjects, and the monitor does not run; the rate is a share."""
    rate = PARAMETERS["CaptureRate"]
    assert (float(rate["Default"]), rate["MinValue"], rate["MaxValue"]) == (0, 0, 1)
    assert PARAMETERS["Subjects"]["Default"] == "off"
    (event,) = RESOURCES["MonitorFunction"]["Properties"]["Events"].values()
    assert event["Properties"]["State"] == {"Fn::If": ["IsCaptured", "ENABLED", "DISABLED"]}
    assert TEMPLATE["Conditions"]["IsCaptured"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CaptureRate"}, 0]}]}


@pytest.mark.parametrize("prefix", ["captures/", "outcomes/"])
def test_records_are_forgotten(prefix: str) -> None:
    """After the parameter's days, and earlier versions within one: what was rewritten must not live on."""
    rules = RESOURCES["DataBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [one for one in rules if one.get("Prefix") == prefix]
    assert rule["ExpirationInDays"] == {"Ref": "CaptureRetentionDays"}
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize("model", MODELS)
def test_models_write_captures_and_read_none(model: str) -> None:
    """A function may add to its own model's records, and look at nobody's, not even its own."""
    statements = [
        statement
        for policy in RESOURCES[f"{camel(model)}Role"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    about = [one for one in statements if "captures" in json.dumps(one) or "outcomes" in json.dumps(one)]
    assert about == [
        {
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": [
                {"Fn::Sub": f"${{DataBucket.Arn}}/captures/{model}/*"},
                {"Fn::Sub": f"${{DataBucket.Arn}}/outcomes/{model}/*"},
            ],
        }
    ]


def test_monitor_changes_nothing_but_reports() -> None:
    """It reads records and manifests; no record, outcome or version is its to write."""
    bucket = "arn:aws:s3:::data"
    (document,) = Roles({"DataBucket": bucket}, RetrainOnDrift="on").documents("MonitorRole")
    writes = [
        statement["Resource"]
        for statement in document["Statement"]
        if "s3:PutObject" in statement["Action"] or "s3:Delete" in str(statement["Action"])
    ]
    assert writes == [f"{bucket}/reports/*"]


def test_key_of_subjects_survives_the_stack() -> None:
    """Without it nobody could be found again to be forgotten."""
    key = RESOURCES["SubjectKey"]
    assert key["Condition"] == "HasSubjects"
    assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain"
    assert key["Properties"]["GenerateSecretString"]["PasswordLength"] >= 32


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["Errors", "Latency", "Throttles", "Drift"])
def test_every_model_has_its_alarms(model: str, kind: str) -> None:
    """Each looks at this model's own metrics, and nowhere else."""
    alarm = RESOURCES[f"{camel(model)}{kind}Alarm"]["Properties"]
    text = json.dumps(alarm)
    others = [other for other in MODELS if other != model and re.search(rf"\b{other}\b", text)]
    assert model in text
    assert others == []
    names = {
        "Errors": {"Failed", "Errors", "Invocations", "KeptLastGood"},
        "Latency": {"Latency"},
        "Throttles": {"Throttles"},
        "Drift": {"Drift", "PredictionDrift", "Degradation"},
    }
    used = {
        one["MetricStat"]["Metric"]["MetricName"] for one in alarm.get("Metrics", []) if "MetricStat" in one
    }
    assert (used or {alarm["MetricName"]}) == names[kind]


@pytest.mark.parametrize("model", MODELS)
def test_a_version_that_cannot_be_used_raises_the_alarm_of_errors(model: str) -> None:
    """The last good one answers in its place and nothing fails, so the share of failures says nothing."""
    metrics = {one["Id"]: one for one in RESOURCES[f"{camel(model)}ErrorsAlarm"]["Properties"]["Metrics"]}
    assert metrics["share"]["Expression"].startswith("IF(FILL(kept, 0) > 0, 1, ")
    assert metrics["kept"]["MetricStat"]["Metric"]["MetricName"] == "KeptLastGood"


def test_the_whole_has_alarms_too() -> None:
    """Where nothing gets in, or no monitor runs, every model's own alarms are quiet."""
    api, authorizer = (RESOURCES[name]["Properties"] for name in ("ApiAlarm", "AuthorizerAlarm"))
    assert RESOURCES["Api"]["Properties"]["Name"] == api["Dimensions"][0]["Value"]
    assert RESOURCES["Api"]["Properties"]["StageName"] == api["Dimensions"][1]["Value"]
    assert (api["MetricName"], api["Statistic"], api["Threshold"]) == (
        "5XXError",
        "Average",
        {"Ref": "AlarmFailures"},
    )
    name = RESOURCES["AuthorizerFunction"]["Properties"]["FunctionName"]
    assert authorizer["Dimensions"] == [{"Name": "FunctionName", "Value": name}]
    silent = RESOURCES["MonitorSilentAlarm"]
    assert silent["Condition"] == "IsCaptured"
    assert silent["Properties"]["TreatMissingData"] == "breaching"
    # CloudWatch looks back seven days at most.
    assert PARAMETERS["AlarmSilentDays"]["MaxValue"] * silent["Properties"]["Period"] <= 7 * 86_400


@pytest.mark.parametrize(("retrained", "expected"), [("off", False), ("on", True)])
def test_the_monitor_may_start_a_release_only_where_it_is_to(retrained: str, *, expected: bool) -> None:
    """A right that is not used is one that others may use."""
    documents = Roles({}, RetrainOnDrift=retrained).documents("MonitorRole")
    assert ("states:StartExecution" in json.dumps(documents)) == expected


def test_every_alarm_tells_the_topic() -> None:
    """Whoever adds an alarm means it to be heard."""
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            actions = resource["Properties"]["AlarmActions"]
            assert actions["Fn::If"][:2] == ["HasAlarmTopic", [{"Ref": "AlarmTopic"}]], name


def test_every_dead_letter_queue_has_an_alarm() -> None:
    """What could not be handled is seen."""
    queues = [name for name in RESOURCES if name.endswith("DeadLetterQueue")]
    assert len(queues) >= 3
    for name in queues:
        alarm = RESOURCES[name.removesuffix("Queue") + "Alarm"]["Properties"]
        assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [name, "QueueName"]}}]


def test_dashboard_finds_every_model_by_itself() -> None:
    """It searches the metrics, so a new model has its row without an entry; widgets do not overlap."""
    text = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    body = json.loads(text.replace("${Environment}", "dev").replace("${AWS::", "{AWS::"))
    assert len(text) < 100_000
    (variable,) = body["variables"]
    assert {name for name in MODELS if name in text} == {variable["defaultValue"]}
    assert variable["populateFrom"] == "service"
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        for (metric,) in widget["properties"].get("metrics", []):
            assert metric["expression"].startswith("SEARCH('{")
    shown = set(re.findall(r'MetricName=\\"(\w+)\\"', text))
    assert {"Requests", "Failed", "Latency", "Rejected", "Drift", "PredictionDrift", "Degradation"} <= shown
    tables = [one for one in body["widgets"] if one["properties"].get("view") == "table"]
    assert len(tables) == 5
