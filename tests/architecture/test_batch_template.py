"""The template's wiring of dropped files: nothing is lost between bucket, queue, function and people."""

import json
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

TEMPLATE = yaml_parse((Path(__file__).resolve().parents[2] / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


FUNCTION = properties("BatchScoringFunction")
QUEUE = properties("BatchQueue")


def test_message_stays_hidden_while_it_is_worked_on() -> None:
    """Visibility is at least six times the timeout, as AWS asks of event sources."""
    assert QUEUE["VisibilityTimeout"] >= 6 * FUNCTION["Timeout"]


def test_what_fails_ends_where_people_are_told() -> None:
    """After some deliveries a message goes to the dead letters, which are kept longest, with an alarm."""
    assert QUEUE["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["BatchDeadLetterQueue", "Arn"]}
    assert QUEUE["RedrivePolicy"]["maxReceiveCount"] == 5  # the default of BatchSettings.attempts
    assert properties("BatchDeadLetterQueue")["MessageRetentionPeriod"] == 14 * 24 * 3600
    alarm = properties("BatchDeadLetterAlarm")
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["BatchDeadLetterQueue", "QueueName"]}
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


def test_one_message_at_a_time_and_failures_by_name() -> None:
    """A file that fails takes no other one with it, and how many are scored at once is a parameter."""
    (event,) = FUNCTION["Events"].values()
    assert event["Type"] == "SQS"
    assert event["Properties"]["BatchSize"] == 1
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    most = event["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    assert {"Ref": "BatchConcurrency"} in most["Fn::If"]


def test_bucket_tells_the_queue() -> None:
    """S3 is told of the queue once it may write to it, and of the inbox only."""
    (told,) = properties("DataBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Queue"] == {"Fn::GetAtt": ["BatchQueue", "Arn"]}
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "inbox/"}]
    assert RESOURCES["DataBucket"]["DependsOn"] == "BatchQueuePolicy"


def test_jobs_are_forgotten() -> None:
    """States outlive every message about them, and not by much."""
    rules = {rule["Id"]: rule for rule in properties("DataBucket")["LifecycleConfiguration"]["Rules"]}
    assert rules["forget-jobs"]["Prefix"] == "jobs/"
    assert rules["forget-jobs"]["ExpirationInDays"] * 24 * 3600 > 14 * 24 * 3600


@pytest.mark.parametrize("prefix", ["inbox/", "training/"])
def test_inbox_is_read_only(prefix: str) -> None:
    """The function may neither change nor remove what people dropped."""
    for policy in properties("BatchScoringRole")["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if prefix in json.dumps(statement["Resource"]):
                assert statement["Action"] == "s3:GetObject"


def test_state_machine_is_the_one_the_function_starts() -> None:
    """The name is written out in several places, as references would go in a circle."""
    machine = properties("BatchLargeFiles")
    name = machine["StateMachineName"]["Fn::Sub"]
    arn = FUNCTION["Environment"]["Variables"]["MAAS_BATCH_STATE_MACHINE"]["Fn::Sub"]
    assert arn.endswith(f":stateMachine:{name}")
    states = machine["Definition"]["States"]
    score = states["Ranges"]["ItemProcessor"]["States"]
    steps = {
        state["Parameters"]["Payload"]["step"]
        for state in [*states.values(), *score.values()]
        if "Parameters" in state
    }
    assert steps == {"plan", "score", "finish", "give_up"}
