"""What AWS's own services do with the roles that they are given, as the resources say that name the role."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.policies.template import Resource, chosen, containers, flat, statements, tasks

# Step Functions' service integrations (its documentation, "IAM policies for integrated services").
_TASKS: dict[str, frozenset[str]] = {
    "lambda:invoke": frozenset({"lambda:InvokeFunction"}),
    "batch:submitJob": frozenset({"batch:SubmitJob"}),
    "batch:submitJob.sync": frozenset(
        {
            "batch:SubmitJob",
            "batch:DescribeJobs",
            "batch:TerminateJob",
            "events:PutRule",
            "events:PutTargets",
            "events:DescribeRule",
        }
    ),
}
_DISTRIBUTED = frozenset({"states:StartExecution", "states:DescribeExecution", "states:StopExecution"})
_PULLED = frozenset(
    {
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
    }
)
_LOGGED = frozenset({"logs:CreateLogStream", "logs:PutLogEvents"})

type Resources = Mapping[str, Resource]


def permitted(resources: Resources, role: str) -> set[str]:
    """The actions that a role allows, in its own policies and in those that name it."""
    documents = [one["PolicyDocument"] for one in flat(_properties(resources, role).get("Policies", []))]
    for name, resource in resources.items():
        if resource["Type"] in {"AWS::IAM::RolePolicy", "AWS::IAM::Policy"}:
            properties = _properties(resources, name)
            if {"Ref": role} in [properties.get("RoleName"), *properties.get("Roles", [])]:
                documents.append(properties["PolicyDocument"])
    return {
        action
        for document in documents
        for statement in statements(document)
        for action in flat(statement["Action"])
        if statement["Effect"] == "Allow"
    }


def needed(resources: Resources, role: str) -> set[str]:
    """The actions that the services take which have the role, whatever the conditions turn out to be."""
    return {
        action
        for kind, takes in _USERS.items()
        for name, resource in resources.items()
        if resource["Type"] == kind
        for action in takes(_properties(resources, name), role)
    }


def _machine(properties: Resource, role: str) -> Iterator[str]:
    if _role(properties.get("RoleArn")) != role:
        return
    states = properties["Definition"]["States"]
    for _, task in tasks(states):
        for resource, _ in chosen(task["Resource"]):
            yield from _TASKS[_text(resource).partition(":::")[2]]
    if any(one.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") for one in states.values()):
        yield from _DISTRIBUTED


def _job(properties: Resource, role: str) -> Iterator[str]:
    for container in containers(properties):
        if _role(container.get("ExecutionRoleArn")) == role:
            yield from _PULLED
            if container["LogConfiguration"]["LogDriver"] == "awslogs":
                yield from _LOGGED


def _schedule(properties: Resource, role: str) -> Iterator[str]:
    target = properties["Target"]
    if _role(target["RoleArn"]) == role:
        assert target["Arn"]["Ref"].endswith(".Alias"), target
        yield "lambda:InvokeFunction"
        if "DeadLetterConfig" in target:
            yield "sqs:SendMessage"


_USERS: dict[str, Callable[[Resource, str], Iterator[str]]] = {
    "AWS::StepFunctions::StateMachine": _machine,
    "AWS::Batch::JobDefinition": _job,
    "AWS::Scheduler::Schedule": _schedule,
}


def _role(arn: Any) -> str:
    """The role that `!GetAtt Role.Arn` is about."""
    return str(arn["Fn::GetAtt"][0]) if isinstance(arn, Mapping) and "Fn::GetAtt" in arn else ""


def _text(value: Any) -> str:
    return str(value["Fn::Sub"] if isinstance(value, Mapping) else value)


def _properties(resources: Resources, name: str) -> Resource:
    found: Resource = resources[name].get("Properties", {})
    return found
