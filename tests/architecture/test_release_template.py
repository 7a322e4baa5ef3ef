"""Training and release in the template: what is there when, and that its parts fit each other."""

import json
import re
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from cli.main import app
from maas import emf
from maas.rollout.alarm import model_of
from maas.rollout.settings import ReleaseSettings

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
MODELS = sorted(
    path.parent.name for path in (ROOT / "functions").glob("*/handler.py") if "Endpoint(" in path.read_text()
)
STATES: dict[str, dict[str, Any]] = RESOURCES["ReleaseStateMachine"]["Properties"]["Definition"]["States"]
JOB: dict[str, Any] = RESOURCES["TrainingJobDefinition"]["Properties"]
IMAGE = "registry/maas-training@sha256:" + "0" * 64


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def parameters(**given: str) -> dict[str, Any]:
    return {
        name: given.get(name, parameter.get("Default", "local"))
        for name, parameter in TEMPLATE["Parameters"].items()
    }


def value(node: Any, values: dict[str, Any]) -> Any:
    """What an intrinsic function of a condition gives."""
    if not isinstance(node, dict):
        return node
    [(name, argument)] = node.items()
    known: dict[str, Callable[[], Any]] = {
        "Ref": lambda: values[argument],
        "Condition": lambda: value(TEMPLATE["Conditions"][argument], values),
        "Fn::Equals": lambda: value(argument[0], values) == value(argument[1], values),
        "Fn::Not": lambda: not value(argument[0], values),
        "Fn::And": lambda: all(value(part, values) for part in argument),
        "Fn::Or": lambda: any(value(part, values) for part in argument),
        "Fn::Join": lambda: "".join(value(argument[1], values)),
        # What CloudFormation makes of an empty list parameter, one empty member or none, is alike here.
        "Fn::EachMemberEquals": lambda: {*value(argument[0], values).split(",")} == {argument[1]},
    }
    return known[name]()


def refusals(**given: str) -> list[str]:
    """What the template's rules have against a deployment with these parameters."""
    values = parameters(**({"Environment": "local"} | given))
    return [
        assertion["AssertDescription"]
        for rule in TEMPLATE["Rules"].values()
        if value(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
        if not value(assertion["Assert"], values)
    ]


def deployed(**given: str) -> dict[str, dict[str, Any]]:
    """The resources that a deployment with these parameters makes."""
    values = parameters(**given)
    template = deepcopy(TEMPLATE)
    for resource in template["Resources"].values():
        for key in ("CodeUri", "ContentUri"):
            if key in resource.get("Properties", {}):
                resource["Properties"][key] = "s3://bucket/key"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the translator's own affair
        found = transform(template, values, NoManagedPolicies())["Resources"]
    return {
        name: resource
        for name, resource in found.items()
        if "Condition" not in resource or value(TEMPLATE["Conditions"][resource["Condition"]], values)
    }


class NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")  # the transform asks for one


def kinds(resources: dict[str, dict[str, Any]], *services: str) -> set[str]:
    return {one["Type"] for one in resources.values() if one["Type"].split("::")[1] in services}


def test_an_emulator_without_batch_deploys_the_rest() -> None:
    """By default there is no Batch, no network, no scheduler and no CodeDeploy, and the release is there."""
    found = deployed()
    assert kinds(found, "Batch", "EC2", "Scheduler", "CodeDeploy", "ECR") == set()
    assert {"ReleaseFunction", "ReleaseStateMachine", "ReleaseRole"} <= found.keys()


@pytest.mark.parametrize(
    ("given", "there", "missing"),
    [
        (
            {},
            {"TrainingFargate", "TrainingVpc", "TrainingQueue"},
            {"TrainingGpuInstances", "TrainingScheduler"},
        ),
        ({"TrainingGpu": "on"}, {"TrainingGpuInstances", "TrainingLaunchTemplate"}, {"TrainingFargate"}),
        (
            {"TrainingSubnets": "subnet-1", "TrainingSecurityGroups": "sg-1"},
            {"TrainingFargate"},
            {"TrainingVpc", "TrainingSecurityGroup"},
        ),
        ({"TrainingSchedule": "rate(7 days)"}, {"TrainingScheduler", "TrainingSchedulerRole"}, set()),
    ],
)
def test_training_is_made_of_what_was_asked_for(
    given: dict[str, str], there: set[str], missing: set[str]
) -> None:
    """One place to compute, in a network of its own or in the caller's."""
    found = deployed(Training="on", TrainingImage=IMAGE, **given).keys()
    assert there <= found
    assert not missing & found


def test_training_needs_an_image_by_its_digest() -> None:
    """A tag may move under a job; and without an image there is nothing to run."""
    assert "TrainingNeedsImage" in TEMPLATE["Rules"]
    pattern = TEMPLATE["Parameters"]["TrainingImage"]["AllowedPattern"]
    assert re.fullmatch(pattern, IMAGE)
    assert not re.fullmatch(pattern, "registry/maas-training:latest")


TRAINED = {"Training": "on", "TrainingImage": IMAGE}
NETWORK = {"TrainingSubnets": "subnet-1,subnet-2", "TrainingSecurityGroups": "sg-1"}
SCHEDULE = {"TrainingSchedule": "rate(7 days)", "TrainingScheduledModels": "digits,sentiment"}


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"Training": "on"}, {"TrainingImage": IMAGE}),
        ({"RetrainOnDrift": "on"}, TRAINED),
        ({"TrainingGpu": "on"}, TRAINED),
        ({"TrainingNodes": "on"}, TRAINED),
        (SCHEDULE, TRAINED),
        (
            {**TRAINED, "TrainingSchedule": SCHEDULE["TrainingSchedule"]},
            {"TrainingScheduledModels": SCHEDULE["TrainingScheduledModels"]},
        ),
        (
            {**TRAINED, "TrainingSubnets": NETWORK["TrainingSubnets"]},
            {"TrainingSecurityGroups": NETWORK["TrainingSecurityGroups"]},
        ),
        (
            {**TRAINED, "TrainingSecurityGroups": NETWORK["TrainingSecurityGroups"]},
            {"TrainingSubnets": NETWORK["TrainingSubnets"]},
        ),
    ],
    ids=",".join,
)
def test_what_would_never_happen_is_refused(given: dict[str, str], needed: dict[str, str]) -> None:
    """Before anything is made, and with the name of what is missing; with it nothing is refused."""
    [reason] = refusals(**given)
    assert any(name in reason for name in needed)
    assert refusals(**(given | needed)) == []


def test_what_is_not_asked_for_is_not_refused() -> None:
    """The defaults, and everything at once."""
    assert refusals() == []
    everything = {"TrainingGpu": "on", "TrainingNodes": "on", "RetrainOnDrift": "on"}
    assert refusals(**TRAINED, **NETWORK, **SCHEDULE, **everything) == []


def test_rules_know_few_functions() -> None:
    """CloudFormation's rules take these and no others."""
    used = set(re.findall(r'"(Fn::\w+|Ref|Condition)": ', json.dumps(TEMPLATE["Rules"])))
    assert used <= {
        "Ref",
        "Fn::And",
        "Fn::Or",
        "Fn::Not",
        "Fn::Equals",
        "Fn::Contains",
        "Fn::EachMemberEquals",
    }


def test_training_lets_nobody_in() -> None:
    """The security group has ways out and none in, and the buckets' endpoint reaches our buckets only."""
    group = RESOURCES["TrainingSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    assert [(rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]] == [(443, 443)]
    endpoint = RESOURCES["TrainingS3Endpoint"]["Properties"]
    resources = json.dumps([one["Resource"] for one in endpoint["PolicyDocument"]["Statement"]])
    assert "ModelsBucket" in resources
    assert '"*"' not in resources


def test_the_job_is_the_command_that_people_use() -> None:
    """Every option of the job is one of `maas train`, and every parameter has a value to fall back on."""
    command = JOB["ContainerProperties"]["Command"]
    assert command[:2] == ["train", "Ref::model"]
    options: Any = typer.main.get_command(app)
    known = {name for option in options.commands["train"].params for name in option.opts}
    assert {part for part in command if part.startswith("--")} <= known
    placeholders = {part.removeprefix("Ref::") for part in command if part.startswith("Ref::")}
    assert placeholders == JOB["Parameters"].keys()


def test_the_job_runs_as_the_trainer() -> None:
    """With the role that writes versions and moves no pointer."""
    container = JOB["ContainerProperties"]
    assert container["JobRoleArn"] == {"Fn::GetAtt": ["TrainerRole", "Arn"]}
    variables = {one["Name"] for one in container["Environment"]}
    assert variables == {"MAAS_MODELS_BUCKET", "AWS_DEFAULT_REGION", "MAAS_JOBS"}


def test_only_what_was_interrupted_is_run_again() -> None:
    """A job that fails by itself would fail again; Batch knows an asterisk at the end of a pattern only."""
    rules = JOB["RetryStrategy"]["EvaluateOnExit"]
    assert rules[-1] == {"Action": "EXIT", "OnReason": "*"}
    for rule in rules:
        [pattern] = [text for key, text in rule.items() if key != "Action"]
        assert "*" not in pattern[:-1]


def test_the_state_machine_starts_that_job() -> None:
    """Its parameters are those of the definition, named as the service names them."""
    given = STATES["Train"]["Parameters"]
    assert {name.removesuffix(".$") for name in given["Parameters"]} == JOB["Parameters"].keys()
    model = botocore.session.get_session().get_service_model("batch").operation_model("SubmitJob")
    names = {f"{name[0].lower()}{name[1:]}".removesuffix(".$") for name in given}
    assert names <= model.input_shape.members.keys()


@pytest.mark.parametrize(("training", "resource"), [("on", "submitJob.sync"), ("off", "submitJob")])
def test_without_training_nothing_is_waited_for(training: str, resource: str) -> None:
    """The rights that waiting takes are asked for when the machine is made, and only training gives them."""
    found = deployed(Training=training, TrainingImage=IMAGE)
    condition, *choices = found["ReleaseStateMachine"]["Properties"]["Definition"]["States"]["Train"][
        "Resource"
    ]["Fn::If"]
    chosen = choices[0 if value({"Condition": condition}, parameters(Training=training)) else 1]
    assert chosen["Fn::Sub"] == f"arn:${{AWS::Partition}}:states:::batch:{resource}"


def test_no_training_is_waited_for_without_end() -> None:
    """A job that hangs ends the execution, and so do the attempts that follow each other."""
    assert JOB["Timeout"]["AttemptDurationSeconds"] < STATES["Train"]["TimeoutSeconds"]
    definition = RESOURCES["ReleaseStateMachine"]["Properties"]["Definition"]
    assert STATES["Train"]["TimeoutSeconds"] < definition["TimeoutSeconds"]


def test_every_bad_end_of_a_release_is_told() -> None:
    """Failed, too late, or aborted: a version is not released, or a canary is left that nobody watches."""
    alarm = RESOURCES["ReleaseFailedAlarm"]["Properties"]
    [total] = [one["Expression"] for one in alarm["Metrics"] if "Expression" in one]
    metrics = {one["Id"]: one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one}
    assert {one["MetricName"] for one in metrics.values()} == {
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
    }
    machine = [{"Name": "StateMachineArn", "Value": {"Ref": "ReleaseStateMachine"}}]
    assert all((one["Namespace"], one["Dimensions"]) == ("AWS/States", machine) for one in metrics.values())
    # Without a value of its own each would make the sum undefined.
    assert set(total.split(" + ")) == {f"FILL({name}, 0)" for name in metrics}


def test_every_task_is_tried_again_and_caught() -> None:
    """No fault ends a release without a state that says what became of it."""
    tasks = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
    assert tasks.keys() == {"Begin", "Train", "Evaluate", "Gate", "Canary", "Watch", "Widen", "Withdraw"}
    for name, state in tasks.items():
        assert state["Retry"], name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
    after_the_canary = {"Canary", "Watch", "Widen"}
    assert {
        name for name, state in tasks.items() if state["Catch"][-1]["Next"] == "Blame"
    } == after_the_canary
    assert all(isinstance(state.get("Next", ""), str) for state in STATES.values())


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_canary_alarms(model: str) -> None:
    """Their names lead to the model, their metrics are those that its function writes for a canary."""
    prefix = "stack-canary-"
    for what, metric in (("Failures", "Failed"), ("Latency", "Latency")):
        alarm = RESOURCES[f"{camel(model)}Canary{what}"]["Properties"]
        name = alarm["AlarmName"]["Fn::Sub"].replace("${AWS::StackName}", "stack")
        assert model_of(name, prefix) == model
        assert (alarm["Namespace"], alarm["MetricName"]) == ({"Fn::Sub": "maas/${AWS::StackName}"}, metric)
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert (dimensions["service"], dimensions["track"]) == (model, "canary")
        properties = {"environment": "local", "service": model, "track": "canary", "version": "v"}
        written = json.loads(emf.line({metric: 1}, properties))["_aws"]["CloudWatchMetrics"]
        assert sorted(dimensions) in [sorted(names) for one in written for names in one["Dimensions"]]
        assert alarm["TreatMissingData"] == "notBreaching"


def test_an_alarm_reaches_the_release_function() -> None:
    """The rule's prefix is that of the alarms and of the function's settings."""
    properties = RESOURCES["ReleaseFunction"]["Properties"]
    pattern = properties["Events"]["CanaryAlarm"]["Properties"]["Pattern"]
    prefix = {"Fn::Sub": "${AWS::StackName}-canary-"}
    assert pattern["detail"]["alarmName"] == [{"prefix": prefix}]
    assert properties["Environment"]["Variables"]["MAAS_CANARY_ALARMS"] == prefix


@pytest.mark.parametrize("event", ["CanaryAlarm", "DataArrived"])
def test_events_are_delivered_to_the_alias(event: str) -> None:
    """What EventBridge takes of a rule it may bring to the function's alias, and only from that rule."""
    found = deployed(Training="on", TrainingImage=IMAGE)
    rule = f"ReleaseFunction{event}"
    properties = found[rule]["Properties"]
    assert (
        properties["EventPattern"]
        == RESOURCES["ReleaseFunction"]["Properties"]["Events"][event]["Properties"]["Pattern"]
    )
    [target] = properties["Targets"]
    assert target["Arn"] == {"Ref": "ReleaseFunctionAliaslive"}
    assert found["ReleaseFunctionAliaslive"]["Type"] == "AWS::Lambda::Alias"
    [permission] = [
        one["Properties"]
        for one in found.values()
        if one["Type"] == "AWS::Lambda::Permission"
        and one["Properties"].get("SourceArn") == {"Fn::GetAtt": [rule, "Arn"]}
    ]
    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "ReleaseFunctionAliaslive"},
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": [rule, "Arn"]},
    }


def test_the_function_reads_the_settings_that_the_template_gives() -> None:
    """Every variable for it is one that it reads; defaults of both are the same."""
    values = parameters()
    variables = RESOURCES["ReleaseFunction"]["Properties"]["Environment"]["Variables"]
    text = (ROOT / "layers/common/maas/rollout/settings.py").read_text()
    known = set(re.findall(r'"(MAAS_\w+)"', text)) | {"MAAS_SIGNING_KEY"}
    assert {name for name in variables if name.startswith("MAAS_")} == known
    given = {
        name: str(values[node["Ref"]])
        if isinstance(node, dict) and "Ref" in node and node["Ref"] in values
        else "x"
        for name, node in variables.items()
    }
    found = ReleaseSettings.from_environment(given)
    assert (found.weights, found.pause, found.looks) == ((10, 50), 300, 24)
    assert (found.requests, found.failures, found.slower) == (100, 0.01, 2.0)


def test_the_release_function_is_a_promoter_and_no_trainer() -> None:
    """It may move pointers, and may not write a version that it then releases."""
    role = RESOURCES["ReleaseRole"]["Properties"]
    assert {"Ref": "PromoterPolicy"} in role["ManagedPolicyArns"]
    assert "blobs" not in json.dumps(role)
    assert "manifests" not in json.dumps(role)


def test_code_is_deployed_at_once_or_step_by_step() -> None:
    """CodeDeploy is there where it was asked for, and takes a model's new code back in alarm."""
    found = deployed(CodeDeployment="Canary10Percent5Minutes")
    for model in MODELS:
        group = found[f"{camel(model)}FunctionDeploymentGroup"]["Properties"]
        alarms = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert alarms == [{"Ref": f"{camel(model)}CodeAlarm"}]
        assert f"{camel(model)}CodeAlarm" in found
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    values = TEMPLATE["Parameters"]["CodeDeployment"]["AllowedValues"]
    enabled = TEMPLATE["Mappings"]["CodeDeployments"]
    assert {name: name != "AllAtOnce" for name in values} == {k: v["Enabled"] for k, v in enabled.items()}
