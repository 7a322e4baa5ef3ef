"""The template's release state machine, run by moto's Step Functions with our own handlers behind it.

Nothing of the definition is changed but the seconds between two attempts. The jobs are moto's, which run
nothing: what a job does is given by the test.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.batch_simple.models import BatchSimpleBackend
from moto.cloudwatch.models import Statistics
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)
from samcli.yamlhelper import yaml_parse

from tests.emf_metrics import percentile

TEMPLATE = yaml_parse((Path(__file__).parents[1] / "template.yaml").read_text())
ACCOUNT, REGION = "123456789012", "us-east-1"
STACK, MODELS, DATA = "maas", "models-for-tests", "data-for-tests"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-release"
QUEUE, DEFINITION = f"{STACK}-training", f"{STACK}-training"
SECONDS = 60.0
CONFIG: Any = {
    "stepfunctions": {"execute_state_machine": True},
    "lambda": {"use_docker": False},
    "batch": {"use_docker": False},
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "MAAS_MODELS_BUCKET": MODELS,
    "MAAS_DATA_BUCKET": DATA,
    "MAAS_FUNCTIONS": f"{STACK}-",
    "MAAS_CANARY_ALARMS": f"{STACK}-canary-",
    "MAAS_RELEASE_STATE_MACHINE": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}-release",
    "MAAS_CANARY_SECONDS": "0",
    "MAAS_CANARY_LOOKS": "3",
    "MAAS_CANARY_REQUESTS": "20",
    "MAAS_REFRESH_SECONDS": "0",
}

type Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Execution:
    """How an execution ended, and which states it entered."""

    status: str
    error: str
    cause: str
    states: tuple[str, ...]
    output: Any

    @property
    def transitions(self) -> set[tuple[str, str]]:
        return set(zip(self.states, self.states[1:], strict=False))


@dataclass
class Machine:
    """One stack with a state machine.

    Attributes:
        functions: Handlers by the name of their function.
        job: What a training job does with its parameters; an error fails it.
        meddle: Called before each step of the release function, with the step.
        faults: Errors that steps raise, by the step's name, each once.
    """

    functions: dict[str, Handler]
    job: Callable[[Mapping[str, str]], None] = lambda _: None
    meddle: Callable[[str], None] = lambda _: None
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    jobs: list[dict[str, str]] = field(default_factory=list)

    def reset(self) -> None:
        """Forget what a test did."""
        self.job, self.meddle = (lambda _: None), (lambda _: None)
        self.faults.clear()
        self.jobs.clear()
        client = boto3.client("s3")
        for bucket in (MODELS, DATA):
            for entry in client.list_objects_v2(Bucket=bucket).get("Contents", ()):
                client.delete_object(Bucket=bucket, Key=entry["Key"])

    def start(self, given: Any, *, name: str = "") -> Execution:
        """Run an execution to its end."""
        states = boto3.client("stepfunctions")
        arn = self.arn
        # Moto names executions that have no name all alike.
        started = states.start_execution(
            stateMachineArn=arn, input=json.dumps(given), name=name or uuid4().hex
        )
        return self.wait(started["executionArn"])

    def wait(self, execution: str) -> Execution:
        """Wait for the end of an execution."""
        states = boto3.client("stepfunctions")
        deadline = time.monotonic() + SECONDS
        while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, states.get_execution_history(executionArn=execution)[
                "events"
            ][-4:]
            time.sleep(0.05)
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for page in pages
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]
        output = json.loads(found.get("output") or "null")
        return Execution(
            found["status"], found.get("error", ""), found.get("cause", ""), tuple(entered), output
        )

    @property
    def arn(self) -> str:
        return ENVIRONMENT["MAAS_RELEASE_STATE_MACHINE"]

    def _fail(self, step: str) -> None:
        if self.faults.get(step):
            raise self.faults[step].pop(0)

    def invoke(
        self, name: str, qualifier: str | None, body: Any, headers: Any, response: dict[str, str]
    ) -> bytes:
        """One invocation, as Lambda answers it."""
        del qualifier, headers
        event = json.loads(body)
        short = re.sub(r"^arn:aws:lambda:[^:]*:[^:]*:function:", "", name).partition(":")[0]
        step = event.get("step", "") if isinstance(event, dict) else ""
        try:
            if short == f"{STACK}-release":
                self.meddle(step)
                self._fail(step)
            context = SimpleNamespace(
                aws_request_id="request", function_name=short, get_remaining_time_in_millis=lambda: 60_000
            )
            return json.dumps(self.functions[short](event, context)).encode()
        except Exception as error:  # noqa: BLE001 -- Lambda answers with whatever was raised
            response["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__}).encode()


@contextmanager
def machine(functions: dict[str, Handler]) -> Iterator[Machine]:
    """A stack in moto, with the template's state machine and buckets."""
    made = Machine(functions)
    real = BatchSimpleBackend.submit_job

    def submit_job(self: Any, *args: Any, **given: Any) -> Any:
        parameters = given.get("parameters") or {}
        made.jobs.append(parameters)
        with pytest.MonkeyPatch.context() as patch:
            try:
                made.job(parameters)
            except Exception:  # noqa: BLE001 -- a failed job, whatever it died of
                patch.setenv("MOTO_SIMPLE_BATCH_FAIL_AFTER", "0")
            return real(self, *args, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with (
            mock_aws(config=CONFIG),
            mock.patch.object(LambdaSimpleBackend, "invoke", made.invoke),
            mock.patch.object(BatchSimpleBackend, "submit_job", submit_job),
            mock.patch.object(Statistics, "get_statistics_for_type", percentile),
            mock.patch.object(StateTaskServiceBatch, "_eval_service_task", _submitted),
        ):
            for bucket in (MODELS, DATA):
                boto3.client("s3").create_bucket(Bucket=bucket)
            _training(boto3.client("iam"))
            boto3.client("stepfunctions").create_state_machine(
                name=f"{STACK}-release", definition=json.dumps(definition()), roleArn=_role("states")
            )
            yield made


def definition() -> dict[str, Any]:
    """The template's definition, with its references filled in and no time lost between attempts."""
    found = _resolved(TEMPLATE["Resources"]["ReleaseStateMachine"]["Properties"]["Definition"])
    for state in found["States"].values():
        for retry in state.get("Retry", ()):
            if retry.get("MaxAttempts") != 0:
                retry |= {"IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 1, "MaxDelaySeconds": 2}
    return found


def transitions() -> set[tuple[str, str]]:
    """Every way from one state to the next that the definition has."""
    ways = set()
    for name, state in definition()["States"].items():
        following = [choice["Next"] for choice in state.get("Choices", ())]
        following += [catch["Next"] for catch in state.get("Catch", ())]
        following += [state[key] for key in ("Next", "Default") if key in state]
        ways |= {(name, other) for other in following}
    return ways


def _submitted(_: Any, *, env: Any, normalised_parameters: Mapping[str, Any], **__: Any) -> None:
    """`batch:submitJob` with its parameters named as Step Functions names them, which moto does not know."""
    given = {f"{name[0].lower()}{name[1:]}": value for name, value in normalised_parameters.items()}
    given.pop("containerOverrides", None)  # the mark that Step Functions puts into the job's environment
    answer = boto3.client("batch").submit_job(**given)
    env.stack.append({"JobId": answer["jobId"], "JobName": answer["jobName"]})


def _resolved(node: Any) -> Any:
    if isinstance(node, list):
        return [_resolved(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "Fn::If" in node:
        condition, then, _ = node["Fn::If"]
        assert condition == "IsTraining"
        return _resolved(then)
    if "Fn::Sub" in node:
        return node["Fn::Sub"].replace("${AWS::Partition}", "aws")
    if "Ref" in node:
        return {
            "ReleaseFunction.Alias": f"{FUNCTION}:live",
            "TrainingQueue": QUEUE,
            "TrainingJobDefinition": DEFINITION,
        }[node["Ref"]]
    return {key: _resolved(value) for key, value in node.items()}


def _role(service: str) -> str:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = boto3.client("iam").create_role(RoleName=service, AssumeRolePolicyDocument=json.dumps(document))
    arn: str = role["Role"]["Arn"]
    return arn


def _training(_: Any) -> None:
    """The queue and the job definition that the state machine names."""
    ec2, batch = boto3.client("ec2"), boto3.client("batch")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    environment = batch.create_compute_environment(
        computeEnvironmentName=QUEUE,
        type="MANAGED",
        state="ENABLED",
        computeResources={
            "type": "FARGATE",
            "maxvCpus": 2,
            "subnets": [subnet["SubnetId"]],
            "securityGroupIds": [group],
        },
        serviceRole=_role("batch"),
    )
    order = [{"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}]
    batch.create_job_queue(jobQueueName=QUEUE, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    batch.register_job_definition(
        jobDefinitionName=DEFINITION,
        type="container",
        containerProperties={"image": "training", "vcpus": 1, "memory": 512, "command": ["train"]},
    )
