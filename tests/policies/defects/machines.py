"""Defects that the policies on state machines must find."""

from typing import Any

from tests.policies import machines
from tests.policies.defects.planting import Defect, properties, put, without
from tests.policies.template import Template

_SYNC = {"Fn::Sub": "arn:${AWS::Partition}:states:::batch:submitJob.sync"}


def _train(found: Template) -> Any:
    return properties(found, "ReleaseStateMachine")["Definition"]["States"]["Train"]


def _waiting(found: Template) -> Any:
    """The policy with the rights to the rule, and those only."""
    return properties(found, "ReleaseStateMachineRole")["Policies"][1]["Fn::If"][1]


def _apart(found: Template) -> None:
    """The rights in a policy of its own, which nothing makes the machine wait for."""
    policy = _waiting(found)
    without(properties(found, "ReleaseStateMachineRole"), "Policies", 1)
    role = {"RoleName": {"Ref": "ReleaseStateMachineRole"}}
    apart = {"Type": "AWS::IAM::RolePolicy", "Condition": "IsTraining", "Properties": policy | role}
    put(found.resources, "Apart", apart)


DEFECTS = [
    Defect(
        machines.machines_may_wait,
        "ReleaseStateMachine: Train waits",
        lambda t: put(_train(t), "Resource", _SYNC),
    ),
    Defect(machines.machines_may_wait, "ReleaseStateMachine: Train waits", _apart),
    Defect(
        machines.machines_may_wait,
        "may not events:DescribeRule",
        lambda t: _waiting(t)["PolicyDocument"]["Statement"][-1]["Action"].remove("events:DescribeRule"),
    ),
    Defect(
        machines.machines_may_wait,
        "may not events:DescribeRule",
        lambda t: put(_waiting(t)["PolicyDocument"]["Statement"][-1], "Resource", "arn:of:another:rule"),
    ),
    Defect(
        machines.arns_name_their_partition,
        "ReleaseStateMachine: Watch",
        lambda t: put(
            properties(t, "ReleaseStateMachine")["Definition"]["States"]["Watch"],
            "Resource",
            "arn:aws:states:::lambda:invoke",
        ),
    ),
]
