"""How a defect gets into a copy of the template."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.policies.template import Policy, Template


class Defect(NamedTuple):
    """A change that a policy must find, and what it must say of it."""

    policy: Policy
    says: str
    plant: Callable[[Template], object]


def properties(found: Template, name: str) -> Any:
    return found.resources[name]["Properties"]


def body(found: Template) -> Any:
    return properties(found, "Api")["Body"]


def operation(found: Template, path: str) -> Any:
    return body(found)["paths"][path]["x-amazon-apigateway-any-method"]


def responses(found: Template) -> Any:
    return body(found)["x-amazon-apigateway-gateway-responses"]


def allow(found: Template, name: str, **changes: Any) -> None:
    """A further right of a role."""
    right = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Ref": "ModelsBucket"}} | changes
    right = {key: value for key, value in right.items() if value is not None}
    properties(found, name)["Policies"][0]["PolicyDocument"]["Statement"].append(right)


def trust(found: Template, name: str, principal: Any) -> None:
    """Somebody else who may assume a role."""
    document = properties(found, name)["AssumeRolePolicyDocument"]
    document["Statement"].append({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})


def let(found: Template, name: str, principal: Any) -> None:
    """Somebody else who may use a resource."""
    document = properties(found, name)["PolicyDocument"]
    document["Statement"].append(
        {"Effect": "Allow", "Action": "s3:GetObject", "Principal": principal, "Resource": "x"}
    )


def without(resource: Any, *path: Any) -> None:
    """Remove what a path leads to."""
    for key in path[:-1]:
        resource = resource[key]
    del resource[path[-1]]


def put(resource: Any, *path: Any) -> None:
    """Put the last of the arguments where the others lead to."""
    *keys, last, value = path
    for key in keys:
        resource = resource[key]
    resource[last] = value


def first_rule_target(found: Template) -> Any:
    (rule, *_) = found.of("AWS::Events::Rule").values()
    return rule["Targets"][0]


def first_task(found: Template, machine: str = "BatchLargeFiles") -> Any:
    return properties(found, machine)["Definition"]["States"]["Plan"]


def container(found: Template) -> Any:
    return properties(found, "TrainingJobDefinition")["ContainerProperties"]


CARD = "/v1/models/digits"
FUNCTION_URI = {"Fn::Sub": "arn:aws:apigateway:eu-west-1:lambda:path/functions/${DigitsFunction}/invocations"}
OPEN_GROUP = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
