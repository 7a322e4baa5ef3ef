"""The transformed template, as policies read it: plain CloudFormation, conditions not yet decided."""

import json
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest import mock

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]

type Resource = dict[str, Any]
type Choices = frozenset[tuple[str, bool]]
"""What conditions turned out to be."""
type Policy = Callable[["Template"], Iterator[str]]
"""What a template breaks, one sentence each, beginning with the resource's name."""

NO_VALUE = {"Ref": "AWS::NoValue"}


class _NoManagedPolicies:
    """The template names no AWS managed policy by name alone, so the transform need not ask IAM for them."""

    def load(self) -> dict[str, str]:
        return {}


class Template:
    """Resources of one transformed template."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self.whole = whole
        self.resources: dict[str, Resource] = whole["Resources"]
        self.parameters: dict[str, Resource] = whole["Parameters"]

    def copy(self) -> "Template":
        """Another one, to plant defects in."""
        return Template(deepcopy(self.whole))

    def of(self, kind: str) -> dict[str, Resource]:
        """The properties of the resources of one type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def reason(self, name: str, subject: str, of: str | None = None) -> str:
        """What a resource's metadata say for themselves on a subject, or on a part `of` it."""
        said = self.resources[name].get("Metadata", {}).get(subject, "")
        return str(said if of is None else (said or {}).get(of, ""))

    def names_in(self, value: Any) -> set[str]:
        """The resources that a value refers to."""
        return {word for word in re.findall(r"\w+", json.dumps(value)) if word in self.resources}


def transformed(text: str | None = None, **parameters: str) -> Template:
    """What SAM makes of our template with these parameters, the others at their defaults."""
    template = yaml_parse((ROOT / "template.yaml").read_text() if text is None else text)
    for resource in template["Resources"].values():
        for key in ("CodeUri", "ContentUri"):
            if key in resource.get("Properties", {}):
                resource["Properties"][key] = "s3://bucket/key"
    chosen = {name: entry.get("Default", "dev") for name, entry in template["Parameters"].items()}
    # The translator asks for a region, and for nothing else of AWS.
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="eu-west-1"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the translator's own affair
        made = transform(template, chosen | parameters, _NoManagedPolicies())
    return Template(made)


def branches(value: Any) -> Iterator[Any]:
    """Every value that a value may have, whatever the conditions turn out to be."""
    if isinstance(value, Mapping) and set(value) == {"Fn::If"}:
        for choice in value["Fn::If"][1:]:
            yield from branches(choice)
    elif value != NO_VALUE:
        yield value


def flat(value: Any) -> list[Any]:
    """One or several values, in any branch, as a list."""
    return [item for branch in branches(value) for one in _listed(branch) for item in branches(one)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def tasks(states: Mapping[str, Resource]) -> Iterator[tuple[str, Resource]]:
    """Every task of a machine, those inside maps and branches too."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        for inner in (
            *state.get("Branches", []),
            *(state[key] for key in ("ItemProcessor", "Iterator") if key in state),
        ):
            yield from tasks(inner["States"])


def chosen(value: Any, under: Choices = frozenset()) -> Iterator[tuple[Any, Choices]]:
    """Every value that a value may have, with the conditions that lead to it."""
    if isinstance(value, Mapping) and set(value) == {"Fn::If"}:
        condition, *parts = value["Fn::If"]
        for part, holds in zip(parts, (True, False), strict=True):
            yield from chosen(part, under | {(condition, holds)})
    elif isinstance(value, list):
        for one in value:
            yield from chosen(one, under)
    elif value != NO_VALUE:
        yield value, under


def statements(document: Any) -> list[Resource]:
    """The statements of a policy document."""
    return [statement for branch in branches(document) for statement in flat(branch["Statement"])]


def identity_statements(template: Template) -> Iterator[tuple[str, Resource]]:
    """Every statement that gives a role or a person rights, with the resource that holds it."""
    for name, role in template.of("AWS::IAM::Role").items():
        for policy in flat(role.get("Policies", [])):
            yield from ((name, statement) for statement in statements(policy["PolicyDocument"]))
    for kind in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
        for name, policy in template.of(kind).items():
            yield from ((name, statement) for statement in statements(policy["PolicyDocument"]))


def containers(job: Resource) -> list[Resource]:
    """Every container of a job definition, of one node or of several."""
    ranges = job.get("NodeProperties", {}).get("NodeRangeProperties", [])
    return [
        container
        for holder, key in [(job, "ContainerProperties"), *((one, "Container") for one in flat(ranges))]
        for container in flat(holder.get(key, []))
    ]


RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::EC2::VPCEndpoint": "PolicyDocument",
}


def resource_statements(template: Template) -> Iterator[tuple[str, str, Resource]]:
    """Every statement of a policy on a resource, with the policy's name and its type."""
    for kind, key in RESOURCE_POLICIES.items():
        for name, properties in template.of(kind).items():
            for statement in statements(properties.get(key, {"Statement": []})):
                yield name, kind, statement
