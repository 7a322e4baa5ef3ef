"""Policies on who may do what: routes, rights, trust."""

import re
from collections.abc import Iterator
from typing import Any

from tests.policies.template import Template, flat, identity_statements, resource_statements, statements

ACCOUNT = re.compile(r"^arn:\$\{AWS::Partition\}:iam::\$\{AWS::AccountId\}:root$")
# Services that say for whose resource they assume a role. Lambda and EC2 do not.
DEPUTIES = {"ecs-tasks.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"}
# Every failure that a REST API can produce by itself (API Gateway's documentation, "Gateway response types").
GATEWAY_RESPONSES = {
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
}
EXPLAIN_LIMITS = ({"Ref": "ExplainRate"}, {"Ref": "ExplainBurst"})


def routes_are_authenticated(template: Template) -> Iterator[str]:
    """Every route asks who calls, or its function says why not."""
    for name, api in template.of("AWS::ApiGateway::RestApi").items():
        schemes = api["Body"].get("components", {}).get("securitySchemes", {})
        for path, item in api["Body"]["paths"].items():
            for method, operation in item.items():
                asked = {scheme for entry in operation.get("security", []) for scheme in entry}
                if asked & set(schemes) - {"api_key"}:
                    continue
                functions = template.names_in(operation["x-amazon-apigateway-integration"]["uri"])
                behind = {function.removesuffix("Aliaslive") for function in functions}
                if not all(template.reason(function, "OpenRoutes") for function in behind) or not behind:
                    yield f"{name}: {method} {path} asks nobody who they are"


def routes_ask_for_a_key(template: Template) -> Iterator[str]:
    """Where keys are required, no route does without."""
    for name, api in template.of("AWS::ApiGateway::RestApi").items():
        for path, item in api["Body"]["paths"].items():
            for operation in item.values():
                if not any("api_key" in entry for entry in operation.get("security", [])):
                    yield f"{name}: {path} does not ask for an API key"


def routes_are_throttled(template: Template) -> Iterator[str]:
    """A stage limits every route, and those that explain, which costs more, apart and all alike."""
    models = {
        path.removesuffix(":explain")
        for api in template.of("AWS::ApiGateway::RestApi").values()
        for path in api["Body"]["paths"]
        if path.endswith(":explain")
    }
    # Versions are explained below the second one.
    explaining = sorted(f"{model}{rest}" for model in models for rest in (":explain", "/{proxy+}"))
    for name, stage in template.of("AWS::ApiGateway::Stage").items():
        limits = {
            (setting["ResourcePath"], setting["HttpMethod"]): (
                setting.get("ThrottlingRateLimit"),
                setting.get("ThrottlingBurstLimit"),
            )
            for setting in flat(stage.get("MethodSettings", []))
        }
        if not all(limits.get(("/*", "*"), [None])):
            yield f"{name}: its routes have no limit"
        for path in explaining:
            if limits.get(("/" + path.replace("/", "~1"), "POST")) != EXPLAIN_LIMITS:
                yield f"{name}: {path} has not the limits of explanations"


def gateway_failures_are_ours(template: Template) -> Iterator[str]:
    """Each failure that the gateway produces itself has our form; 429 says when to come again."""
    for name, api in template.of("AWS::ApiGateway::RestApi").items():
        given = api["Body"].get("x-amazon-apigateway-gateway-responses", {})
        for kind in sorted(GATEWAY_RESPONSES - set(given)):
            yield f"{name}: {kind} is answered in the gateway's own words"
        for kind, response in given.items():
            body = response.get("responseTemplates", {}).get("application/json", "")
            if '"detail"' not in body or '"error"' not in body or "urn:maas:error:" not in body:
                yield f"{name}: {kind} is not in our form"
            if "$context" in body:
                yield f"{name}: {kind} repeats what the gateway says, which may name accounts"
            headers = response.get("responseParameters", {})
            if response.get("statusCode") == "429" and "gatewayresponse.header.Retry-After" not in headers:
                yield f"{name}: {kind} does not say when to come again"


def rights_are_named(template: Template) -> Iterator[str]:
    """No right to everything: actions are spelled out, resources the stack's own, or a reason is written."""
    for name, statement in identity_statements(template):
        if statement["Effect"] != "Allow":
            continue
        if {"NotAction", "NotResource"} & set(statement):
            yield f"{name}: allows everything but something"
            continue
        foreign = [
            _text(resource)
            for resource in flat(statement["Resource"])
            if not template.names_in(resource) and "AWS::StackName" not in str(resource)
        ]
        for action in flat(statement["Action"]):
            if "*" in action or "?" in action:
                yield f"{name}: the action {action} is a wildcard"
            elif foreign and not template.reason(name, "Wildcards", action):
                yield f"{name}: {action} on {foreign[0]}, which is not the stack's own"


def trust_is_narrow(template: Template) -> Iterator[str]:
    """A role is assumed by named services; by the account's own people only with a written reason."""
    for name, role in template.of("AWS::IAM::Role").items():
        for statement in statements(role["AssumeRolePolicyDocument"]):
            principal = statement.get("Principal", {})
            kinds = set(principal) if isinstance(principal, dict) else {principal}
            if kinds == {"Service"}:
                for service in sorted(DEPUTIES & set(flat(principal["Service"]))):
                    if not {"aws:SourceAccount", "aws:SourceArn"} & _keys(statement.get("Condition", {})):
                        yield f"{name}: {service} may assume it for anybody's account"
                continue
            accounts = [_text(one) for one in flat(principal.get("AWS"))] if kinds == {"AWS"} else [""]
            if not all(ACCOUNT.match(account) for account in accounts):
                yield f"{name}: {_text(principal)} may assume it"
            elif not template.reason(name, "Trust"):
                yield f"{name}: the account may assume it, and no reason is written"


def nobody_is_everybody(template: Template) -> Iterator[str]:
    """A policy on a resource allows nothing to just anybody, nor to a service on behalf of just anybody."""
    for name, kind, statement in resource_statements(template):
        if (
            statement["Effect"] != "Allow" or kind == "AWS::EC2::VPCEndpoint"
        ):  # which gives no rights, only ways
            continue
        principal = statement.get("Principal")
        if principal == "*" or (isinstance(principal, dict) and "*" in flat(principal.get("AWS", []))):
            yield f"{name}: everybody may {_text(statement['Action'])}"
        if isinstance(principal, dict) and "Service" in principal:
            condition = str(statement.get("Condition", {}))
            if "aws:SourceArn" not in condition and "aws:SourceAccount" not in condition:
                yield f"{name}: {_text(principal['Service'])} may act for anybody's account"
    for name, permission in template.of("AWS::Lambda::Permission").items():
        if not {"SourceArn", "SourceAccount"} & set(permission):
            yield f"{name}: {permission['Principal']} may call it for anybody's account"


def networks_let_nobody_in(template: Template) -> Iterator[str]:
    """No security group has a way in, and none out but to what it needs."""
    for name, group in template.of("AWS::EC2::SecurityGroup").items():
        if group.get("SecurityGroupIngress"):
            yield f"{name}: there is a way in"
        if not group.get("SecurityGroupEgress"):
            yield f"{name}: every way out is open"
    for name, way in template.of("AWS::EC2::SecurityGroupIngress").items():
        if way.get("SourceSecurityGroupId") != way.get("GroupId"):  # members may call each other
            yield f"{name}: there is a way in"


def _text(value: Any) -> str:
    """A value as it stands in the template, without the intrinsic around it."""
    if isinstance(value, dict) and len(value) == 1:
        (inner,) = value.values()
        return inner if isinstance(inner, str) else str(inner)
    return str(value)


def _keys(condition: dict[str, Any]) -> set[str]:
    """What a statement's condition looks at."""
    return {key for test in condition.values() for key in test}
