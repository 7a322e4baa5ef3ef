"""The template's roles in moto, with IAM enforced: who has a role can do what its policies say, and no more.

moto checks actions and resources. Two things are added here: conditions on the prefix of a listing, which it
would take for denials, and the key that a KMS request names, which it would take for any.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import boto3
from moto.core.authorization import ActionAuthenticatorMixin, enable_iam_authentication
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.kms.responses import KmsResponse
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[1]
ACCOUNT, REGION = "123456789012", "us-east-1"
_prefix: ContextVar[str | None] = ContextVar("_prefix", default=None)


@cache
def _template() -> dict[str, Any]:
    # SAM's transform leaves roles as they stand, and makes none: every function names its own.
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return template


class Roles:
    """Roles of the template in moto's IAM.

    Args:
        arns: The ARN of each resource that policies name by its logical id; others get one that is nobody's.
        parameters: Where they differ from the template's defaults.
    """

    def __init__(self, arns: Mapping[str, str], **parameters: str) -> None:
        template = _template()
        self._resources = template["Resources"]
        self._arns = arns
        self._conditions = template["Conditions"]
        self._parameters = {
            name: one.get("Default", "dev") for name, one in template["Parameters"].items()
        } | parameters

    def documents(self, role: str) -> list[dict[str, Any]]:
        """The policies of a role, its own and those attached, with everything resolved."""
        properties = self._resources[role]["Properties"]
        attached = [
            self._resources[one["Ref"]]["Properties"]["PolicyDocument"]
            for one in self._resolved(properties.get("ManagedPolicyArns", []), keep="Ref")
        ]
        own = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        return [self._resolved(document) for document in (*own, *attached)]

    def properties(self, resource: str) -> dict[str, Any]:
        """The properties of any resource, with everything resolved."""
        found: dict[str, Any] = self._resolved(self._resources[resource]["Properties"])
        return found

    def session(self, role: str) -> boto3.session.Session:
        """A session of somebody who has assumed the role; to be made before IAM is enforced."""
        iam = boto3.client("iam")
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
        }
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        for number, document in enumerate(self.documents(role)):
            iam.put_role_policy(
                RoleName=role, PolicyName=f"policy-{number}", PolicyDocument=json.dumps(document)
            )
        found = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return boto3.session.Session(
            found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], region_name=REGION
        )

    def _resolved(self, value: Any, *, keep: str | None = None) -> Any:
        """`value` without intrinsic functions; what AWS::NoValue stands for is left out."""
        if isinstance(value, list):
            found = [self._resolved(one, keep=keep) for one in value]
            return [one for one in found if one is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (next(iter(value)) == "Ref" or next(iter(value)).startswith("Fn::")):
            return self._computed(*next(iter(value.items())), keep=keep)
        pairs = {key: self._resolved(one, keep=keep) for key, one in value.items()}
        return {key: one for key, one in pairs.items() if one is not None}

    def _computed(self, function: str, value: Any, *, keep: str | None) -> Any:
        match function, value:
            case "Ref", "AWS::NoValue":
                return None
            case "Ref", name:
                return {"Ref": name} if keep == "Ref" else self._named(name)
            case "Fn::GetAtt", [name, "Arn"]:
                return self._arn(name)
            case "Fn::Sub", str(text):
                return re.sub(
                    r"\$\{([\w:]+)(\.Arn)?\}",
                    lambda found: self._arn(found[1]) if found[2] else self._named(found[1]),
                    text,
                )
            case "Fn::If", [condition, yes, no]:
                return self._resolved(yes if self._holds(condition) else no, keep=keep)
        raise NotImplementedError(f"{function} in a policy")

    def _arn(self, name: str) -> str:
        return self._arns.get(name, f"arn:aws:nobody:{REGION}:{ACCOUNT}:{name}")

    def _named(self, name: str) -> str:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": "maas-test",
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo | self._parameters:
            return str((pseudo | self._parameters)[name])
        return self._arns[name].rpartition(":")[2] if name in self._arns else name

    def _holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._holds(self._conditions[condition])
        match list(condition.items()):
            case [("Condition", name)]:
                return self._holds(name)
            case [("Fn::Equals", [one, other])]:
                return bool(self._resolved(one) == self._resolved(other))
            case [("Fn::Not", [one])]:
                return not self._holds(one)
            case [("Fn::And", several)]:
                return all(map(self._holds, several))
            case [("Fn::Or", several)]:
                return any(map(self._holds, several))
        raise NotImplementedError(str(condition))


@contextmanager
def enforced() -> Iterator[None]:
    """Every request of a boto3 client is checked against the policies of whoever sends it."""
    authorize = ActionAuthenticatorMixin._authenticate_and_authorize_action
    permitted = IAMPolicyStatement.is_action_permitted

    def remembering(self: Any, iam_request_cls: type, resource: str = "*") -> None:
        prefixes = parse_qs(urlsplit(self.uri).query, keep_blank_values=True).get("prefix", [None])
        token = _prefix.set(prefixes[0])
        try:
            authorize(self, iam_request_cls, resource)
        finally:
            _prefix.reset(token)

    def deciding(self: Any, action: str, resource: str = "*", *others: Any) -> PermissionResult:
        condition = self._statement.get("Condition")
        if condition is None or others[:1] not in ((), (None,)):
            return permitted(self, action, resource, *others)
        if not _met(condition):
            return PermissionResult.NEUTRAL
        bare = {key: value for key, value in self._statement.items() if key != "Condition"}
        return permitted(IAMPolicyStatement(bare), action, resource, *others)

    def key_named(self: Any) -> str:
        name = str(self._get_param("KeyId"))
        return name if name.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}"

    with (
        mock.patch.object(ActionAuthenticatorMixin, "_authenticate_and_authorize_action", remembering),
        mock.patch.object(IAMPolicyStatement, "is_action_permitted", deciding),
        mock.patch.object(KmsResponse, "_determine_resource", key_named, create=True),
        enable_iam_authentication(),
    ):
        yield


def _met(condition: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the request's prefix is as a statement asks; any other condition is unknown here."""
    assert condition.keys() == {"StringLike"}, condition
    assert condition["StringLike"].keys() == {"s3:prefix"}, condition
    patterns = condition["StringLike"]["s3:prefix"]
    asked = _prefix.get()
    patterns = patterns if isinstance(patterns, list) else [patterns]
    return asked is not None and any(fnmatchcase(asked, pattern) for pattern in patterns)
