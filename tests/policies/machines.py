"""Policies on state machines: what Step Functions itself needs before it makes one."""

from collections.abc import Iterator
from typing import Any

from tests.policies.template import Choices, Template, chosen, flat, tasks

# Step Functions hears of the end of what a task waits for by a rule of its own. It asks whether it may manage
# the rule when the machine is made (its documentation, "Service integration patterns", Run a Job).
RULES = {
    "batch": "StepFunctionsGetEventsForBatchJobsRule",
    "states": "StepFunctionsGetEventsForStepFunctions",
}
WAITING = frozenset({"events:PutRule", "events:PutTargets", "events:DescribeRule"})


def machines_may_wait(template: Template) -> Iterator[str]:
    """Who waits for a job may manage the rule that tells of its end, before the machine is made."""
    for name, machine in template.of("AWS::StepFunctions::StateMachine").items():
        rights = list(_rights(template, name, machine["RoleArn"]))
        for state, task in tasks(machine["Definition"]["States"]):
            for resource, choices in chosen(task["Resource"]):
                text = str(resource)
                if ".sync" not in text:
                    continue
                rule = RULES[text.split(":::")[1].partition(":")[0]]
                given = {
                    action
                    for action, rules, under in rights
                    if under <= choices and any(rule in str(one) for one in rules)
                }
                if missing := sorted(WAITING - given):
                    yield f"{name}: {state} waits, and it may not {missing[0]} when it is made"


def arns_name_their_partition(template: Template) -> Iterator[str]:
    """A task says of which partition its service is, as China's and the government's are others."""
    for name, machine in template.of("AWS::StepFunctions::StateMachine").items():
        for state, task in tasks(machine["Definition"]["States"]):
            for resource, _ in chosen(task["Resource"]):
                if "${AWS::Partition}" not in str(resource):
                    yield f"{name}: {state} is of the partition aws only"


def _rights(template: Template, machine: str, role: Any) -> Iterator[tuple[str, list[Any], Choices]]:
    """What the machine's role may do by the time that the machine is made: action, resources, conditions."""
    [name] = template.names_in(role)
    documents = [
        (policy["PolicyDocument"], under)
        for policy, under in chosen(template.resources[name]["Properties"].get("Policies", []))
    ]
    # A policy apart is there in time where the machine waits for it.
    before = set(flat(template.resources[machine].get("DependsOn", [])))
    for kind in ("AWS::IAM::RolePolicy", "AWS::IAM::Policy"):
        for policy, properties in template.of(kind).items():
            attached = template.names_in([properties.get("RoleName"), properties.get("Roles")])
            if name in attached and policy in before:
                condition = template.resources[policy].get("Condition")
                under: Choices = frozenset({(condition, True)} if condition else ())
                documents.append((properties["PolicyDocument"], under))
    for document, under in documents:
        for statement, more in chosen(document["Statement"], under):
            if statement["Effect"] == "Allow":
                for action in flat(statement["Action"]):
                    yield action, flat(statement["Resource"]), more
