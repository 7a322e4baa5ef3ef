"""Every right that a role has is used, and every right that is used it has.

The functions are driven through everything that they do (tests/rights); what they ask of AWS is recorded and
compared with the policies of the template, both ways.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache, partial
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from tests.policies.template import ROOT, containers
from tests.rights import reading, releasing, scoring, services, serving, watching
from tests.rights.roles import Case, Right

RESOURCES: dict[str, dict[str, Any]] = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
MODELS = [
    path.parent.name
    for path in sorted((ROOT / "functions").glob("*/handler.py"))
    if "Endpoint(" in path.read_text()
]
DRIVERS: dict[str, Callable[[], Case]] = {
    "AuthorizerRole": reading.authorizer,
    "BatchScoringRole": scoring.batch_scoring,
    "CatalogueRole": reading.catalogue,
    "ConsoleRole": reading.console,
    "MonitorRole": watching.monitor,
    "PromoterRole": releasing.promoter,
    "ReleaseRole": releasing.release,
    "TrainerRole": releasing.trainer,
}
for _model in MODELS:
    _role = "".join(part.capitalize() for part in _model.split("_")) + "Role"
    DRIVERS[_role] = partial(serving.case, _role, _model)
# Roles of AWS's own services: it is they who act, as the resources say that name the role.
SERVICES = {
    "BatchLargeFilesRole": "Step Functions calls the batch function and runs a distributed map",
    "ReleaseStateMachineRole": "Step Functions calls the release function, submits jobs, waits for them",
    "TrainingExecutionRole": "ECS pulls the image and opens the log before our code runs",
    "TrainingSchedulerRole": "EventBridge Scheduler calls the release function",
}
# Roles with no right of ours.
MANAGED = {"TrainingInstanceRole": "the ECS agent on the instance; AWS's own managed policy"}
# Rights that are used on a function's behalf and not by its code.
ON_BEHALF = {
    "logs:CreateLogStream": "Lambda opens the function's log",
    "logs:PutLogEvents": "Lambda writes what the function prints",
    "sqs:DeleteMessage": "Lambda takes messages off the queue that it polls",
    "sqs:GetQueueAttributes": "Lambda looks how many messages wait",
    "sqs:ReceiveMessage": "Lambda polls the queue",
    "sqs:SendMessage to ReleaseDeadLetterQueue": "Lambda sends on the events that the function failed on",
    "sqs:SendMessage to MonitorDeadLetterQueue": "Lambda sends on the events that the function failed on",
}


@cache
def case(role: str) -> Case:
    """What a role was used for; driven once."""
    return DRIVERS[role]()


def on_behalf(right: Right, found: Case) -> str | None:
    """The exception that a right falls under."""
    names = [name for name, arn in found.arns.items() if arn == right.resource]
    wanted = {right.action, *(f"{right.action} to {name}" for name in names)}
    return next(iter(wanted & set(ON_BEHALF)), None)


@pytest.mark.parametrize("role", DRIVERS)
def test_every_call_is_permitted(role: str) -> None:
    """What the function does, its role may do."""
    found = case(role)
    rights, denials = found.rights(), found.denials()
    refused = [
        call
        for call in found.calls
        if not any(right.covers(call) for right in rights) or any(denial.covers(call) for denial in denials)
    ]
    assert refused == []


@pytest.mark.parametrize("role", DRIVERS)
def test_every_right_is_used(role: str) -> None:
    """What the role may do, the function does, or AWS does it for the function."""
    found = case(role)
    idle = [
        right
        for right in found.rights()
        if not any(right.covers(call) for call in found.calls) and on_behalf(right, found) is None
    ]
    assert idle == []


def test_every_role_is_driven() -> None:
    """A role that is added needs a driver, or a word on who uses it."""
    roles = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"}
    assert roles == set(DRIVERS) | set(SERVICES) | set(MANAGED)
    assert all(services.permitted(RESOURCES, role) == set() for role in MANAGED)


@pytest.mark.parametrize("role", SERVICES)
def test_services_have_the_rights_that_they_use(role: str) -> None:
    """What a state machine, a job or a schedule makes AWS do, its role permits, and nothing else."""
    assert services.needed(RESOURCES, role) == services.permitted(RESOURCES, role) != set()


def test_rights_of_services_that_are_missing_or_idle_are_noticed() -> None:
    """A task that waits, a policy beside the role, a log, a schedule's queue: each difference shows."""
    changed = deepcopy(RESOURCES)
    states = changed["ReleaseStateMachine"]["Properties"]["Definition"]["States"]
    states["Train"]["Resource"] = {"Fn::Sub": "arn:${AWS::Partition}:states:::lambda:invoke"}
    for resource in changed.values():
        if resource["Type"] == "AWS::Batch::JobDefinition":
            for container in containers(resource["Properties"]):
                container["LogConfiguration"]["LogDriver"] = "none"
    changed["TrainingScheduler"]["Properties"]["Target"].pop("DeadLetterConfig")
    changed["BatchLargeFiles"]["Properties"]["Definition"]["States"].pop("Ranges")
    for role in SERVICES:
        assert services.needed(changed, role) < services.permitted(changed, role), role
    for role in SERVICES:
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x"}
        properties = {"RoleName": {"Ref": role}, "PolicyDocument": {"Statement": statement}}
        beside = {"Type": "AWS::IAM::RolePolicy", "Properties": properties}
        assert "s3:GetObject" in services.permitted({**RESOURCES, "Beside": beside}, role)


def test_exceptions_are_needed() -> None:
    """No exception outlives the right that it was made for, and none hides a use by our own code."""
    used = {
        on_behalf(right, case(role))
        for role in DRIVERS
        for right in case(role).rights()
        if not any(right.covers(call) for call in case(role).calls)
    }
    assert set(ON_BEHALF) <= used


def test_a_planted_right_and_a_missing_one_are_noticed() -> None:
    """The comparison sees both kinds of difference."""
    found = case("CatalogueRole")
    listing = Right("s3:ListBucket", "arn:aws:s3:::models-for-tests", "models/*")
    assert listing in found.rights()
    assert any(listing.covers(call) for call in found.calls)
    assert not any(listing._replace(prefix="blobs/*").covers(call) for call in found.calls)
    assert not any(listing._replace(action="s3:PutObject").covers(call) for call in found.calls)
    assert not any(listing._replace(resource="arn:aws:s3:::another").covers(call) for call in found.calls)
