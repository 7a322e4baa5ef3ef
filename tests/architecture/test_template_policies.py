"""The transformed template keeps every policy, and every policy catches the defects it is there for."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from maas.access import SCOPES
from tests.policies import access, machines, running, storage
from tests.policies.defects import access as access_defects
from tests.policies.defects import machines as machines_defects
from tests.policies.defects import running as running_defects
from tests.policies.defects import storage as storage_defects
from tests.policies.defects.planting import Defect, properties, without
from tests.policies.template import ROOT, Policy, Template, flat, transformed

# Which authorizer there is, and whether keys are asked for, is decided in the transform; all other conditions
# stay open, so that every resource and every branch is looked at.
VARIANTS = {
    "signed": {"Authentication": "AWS_IAM"},
    "tokens": {"Authentication": "JWT"},
    "keys": {"Authentication": "JWT", "ApiKeys": "required"},
}


def policies() -> Iterator[tuple[str, Policy]]:
    """Every policy by its name."""
    for module in (access, storage, running, machines):
        for name, policy in inspect.getmembers(module, inspect.isfunction):
            if policy.__module__ == module.__name__ and not name.startswith("_"):
                yield name, policy


POLICIES = dict(policies())
DEFECTS = [
    *access_defects.DEFECTS,
    *machines_defects.DEFECTS,
    *running_defects.DEFECTS,
    *storage_defects.DEFECTS,
]
# Held in the one variant that it is about.
ONLY = {"routes_ask_for_a_key": {"keys"}}


@cache
def template(variant: str) -> Template:
    """The real template in one variant. Not to be changed."""
    return transformed(**VARIANTS[variant])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("policy", POLICIES)
def test_the_template_keeps_the_policy(policy: str, variant: str) -> None:
    """Nothing in the template breaks it."""
    if variant in ONLY.get(policy, VARIANTS):
        assert list(POLICIES[policy](template(variant))) == []


@pytest.mark.parametrize(
    "defect", DEFECTS, ids=[f"{defect.policy.__name__}-{number}" for number, defect in enumerate(DEFECTS)]
)
def test_a_planted_defect_is_caught(defect: Defect) -> None:
    """The policy reports the place of the defect, in every variant that it is held to."""
    for variant in ONLY.get(defect.policy.__name__, VARIANTS):
        broken = template(variant).copy()
        defect.plant(broken)
        found = list(defect.policy(broken))
        assert any(defect.says in finding for finding in found), found


def test_every_policy_is_shown_to_catch_something() -> None:
    """No policy without a defect: one that catches nothing would pass for ever."""
    assert {defect.policy for defect in DEFECTS} == set(POLICIES.values())


def test_copies_are_independent() -> None:
    """Defects stay in the copy they were planted in."""
    broken = template("signed").copy()
    without(broken.resources, "Api")
    assert "Api" in template("signed").resources


@pytest.mark.parametrize("scope", SCOPES)
def test_managed_policies_permit_what_tokens_permit(scope: str) -> None:
    """Callers who sign and callers with tokens have the same rights by the same name, on this stage only."""
    policy = properties(template("signed"), f"{scope.capitalize()}Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    stage = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/${Environment}/"
    permitted = [resource["Fn::Sub"].removeprefix(stage) for resource in flat(statement["Resource"])]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert tuple(permitted) == SCOPES[scope]


def test_user_pool_offers_the_scopes() -> None:
    """A client of the stack's own user pool can be given each scope."""
    offered = properties(template("tokens"), "UserPoolScopes")
    assert offered["Identifier"] == "maas"
    assert {scope["ScopeName"] for scope in offered["Scopes"]} == set(SCOPES)


def test_tokens_are_for_somebody() -> None:
    """A stack for another issuer's tokens cannot be deployed without saying whom they must be for."""
    text = (ROOT / "template.yaml").read_text()
    assert re.search(
        r"IssuerNeedsAudience:\n.*\n.*\n\s+- Assert: !Not \[!Equals \[!Ref TokenAudience, \"\"\]\]", text
    )


def test_firewall_reads_no_bodies_and_logs_no_credentials() -> None:
    """What a body may hold is the contracts' to say: rules about bodies only count. No secrets in its log."""
    rules = properties(template("signed"), "WebAcl")["Rules"]
    assert {"rate", "reputation", "known-bad-inputs", "common"} == {rule["Name"] for rule in rules}
    for rule in rules:
        group = rule["Statement"].get("ManagedRuleGroupStatement", {})
        for override in group.get("RuleActionOverrides", []):
            assert override["ActionToUse"] == {"Count": {}}
    redacted = properties(template("signed"), "WebAclLogging")["RedactedFields"]
    assert {field["SingleHeader"]["Name"] for field in redacted} == {
        "authorization",
        "x-amz-security-token",
        "x-api-key",
    }


@pytest.mark.parametrize("dockerfile", sorted(ROOT.glob("models/**/Dockerfile*")), ids=str)
def test_base_images_are_pinned(dockerfile: Any) -> None:
    """Every image that one of ours is built from is named by its digest."""
    text = dockerfile.read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", text, re.MULTILINE))
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        named = re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found[1], ""), image)
        assert named in stages or re.search(r"@sha256:[0-9a-f]{64}$", named), f"{image} is {named}"
