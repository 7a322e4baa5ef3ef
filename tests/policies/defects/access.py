"""Defects that the policies on who may do what must find."""

from tests.policies import access
from tests.policies.defects.planting import (
    CARD,
    OPEN_GROUP,
    Defect,
    allow,
    body,
    let,
    operation,
    properties,
    put,
    responses,
    trust,
    without,
)

DEFECTS = [
    Defect(access.routes_are_authenticated, CARD, lambda t: without(operation(t, CARD), "security")),
    Defect(
        access.routes_are_authenticated,
        CARD,
        lambda t: put(operation(t, CARD), "security", [{"api_key": []}]),
    ),
    Defect(
        access.routes_are_authenticated, CARD, lambda t: put(operation(t, CARD), "security", [{"NONE": []}])
    ),
    Defect(
        access.routes_are_authenticated,
        "any-method /",
        lambda t: without(t.resources["ConsoleFunction"], "Metadata"),
    ),
    Defect(
        access.routes_are_authenticated,
        "/v2",
        lambda t: put(body(t)["paths"], "/v2", {"get": {**operation(t, CARD), "security": []}}),
    ),
    Defect(access.routes_ask_for_a_key, CARD, lambda t: put(operation(t, CARD), "security", [{"JWT": []}])),
    Defect(
        access.routes_are_throttled,
        "no limit",
        lambda t: without(properties(t, "ApiStage"), "MethodSettings"),
    ),
    Defect(
        access.routes_are_throttled,
        "no limit",
        lambda t: without(properties(t, "ApiStage")["MethodSettings"], 0),
    ),
    Defect(
        access.routes_are_throttled,
        ":explain",
        lambda t: without(properties(t, "ApiStage")["MethodSettings"], 3),
    ),
    Defect(
        access.routes_are_throttled,
        ":explain",
        lambda t: without(properties(t, "ApiStage")["MethodSettings"][1], "ThrottlingRateLimit"),
    ),
    Defect(
        access.routes_are_throttled,
        "/v1/models/traffic_flow/{proxy+}",
        lambda t: without(properties(t, "ApiStage")["MethodSettings"], 2),
    ),
    Defect(
        access.routes_are_throttled,
        "/v1/models/traffic_flow/{proxy+}",
        lambda t: put(
            properties(t, "ApiStage")["MethodSettings"], 2, "ThrottlingRateLimit", {"Ref": "MethodRate"}
        ),
    ),
    Defect(
        access.routes_are_throttled,
        "no limit",
        lambda t: without(properties(t, "ApiStage")["MethodSettings"][0], "ThrottlingBurstLimit"),
    ),
    Defect(access.gateway_failures_are_ours, "THROTTLED", lambda t: without(responses(t), "THROTTLED")),
    Defect(
        access.gateway_failures_are_ours,
        "THROTTLED does not say",
        lambda t: without(responses(t)["THROTTLED"], "responseParameters"),
    ),
    Defect(
        access.gateway_failures_are_ours,
        "not in our form",
        lambda t: put(responses(t)["UNAUTHORIZED"], "responseTemplates", {}),
    ),
    Defect(
        access.gateway_failures_are_ours,
        "repeats",
        lambda t: put(
            responses(t)["ACCESS_DENIED"]["responseTemplates"],
            "application/json",
            '{"type": "urn:maas:error:x", "detail": $context.error.messageString, "error": ""}',
        ),
    ),
    Defect(access.rights_are_named, "s3:*", lambda t: allow(t, "DigitsRole", Action="s3:*")),
    Defect(
        access.rights_are_named,
        "s3:Get*",
        lambda t: allow(t, "DigitsRole", Action=["logs:PutLogEvents", "s3:Get*"]),
    ),
    Defect(access.rights_are_named, "s3:GetObject on *", lambda t: allow(t, "DigitsRole", Resource="*")),
    Defect(
        access.rights_are_named,
        "is not the stack's own",
        lambda t: allow(t, "DigitsRole", Resource={"Fn::Sub": "arn:${AWS::Partition}:s3:::other-bucket/*"}),
    ),
    Defect(
        access.rights_are_named,
        "s3:GetObject on *",
        lambda t: allow(t, "DigitsRole", Resource={"Fn::If": ["IsTraced", {"Ref": "ModelsBucket"}, "*"]}),
    ),
    Defect(
        access.rights_are_named,
        "everything but",
        lambda t: allow(t, "DigitsRole", Action=None, NotAction="iam:PassRole"),
    ),
    Defect(
        access.rights_are_named, "TracingPolicy", lambda t: without(t.resources["TracingPolicy"], "Metadata")
    ),
    Defect(
        access.rights_are_named,
        "ecr:BatchGetImage",
        lambda t: without(t.resources["TrainingExecutionRole"]["Metadata"]["Wildcards"], "ecr:BatchGetImage"),
    ),
    Defect(access.trust_is_narrow, "DigitsRole", lambda t: trust(t, "DigitsRole", "*")),
    Defect(access.trust_is_narrow, "DigitsRole", lambda t: trust(t, "DigitsRole", {"AWS": "*"})),
    Defect(
        access.trust_is_narrow,
        "123456789012",
        lambda t: trust(t, "DigitsRole", {"AWS": "arn:aws:iam::123456789012:root"}),
    ),
    Defect(
        access.trust_is_narrow,
        "accounts.example",
        lambda t: trust(t, "DigitsRole", {"Federated": "accounts.example"}),
    ),
    *(
        Defect(
            access.trust_is_narrow,
            f"{role}: ",
            lambda t, role=role: without(
                properties(t, role)["AssumeRolePolicyDocument"]["Statement"][0], "Condition"
            ),
        )
        for role in ("ReleaseStateMachineRole", "BatchLargeFilesRole", "TrainingSchedulerRole")
    ),
    Defect(access.trust_is_narrow, "no reason", lambda t: without(t.resources["TrainerRole"], "Metadata")),
    Defect(access.nobody_is_everybody, "DataBucketPolicy", lambda t: let(t, "DataBucketPolicy", "*")),
    Defect(
        access.nobody_is_everybody, "BatchQueuePolicy", lambda t: let(t, "BatchQueuePolicy", {"AWS": "*"})
    ),
    Defect(
        access.nobody_is_everybody,
        "anybody's",
        lambda t: let(t, "BatchQueuePolicy", {"Service": "s3.amazonaws.com"}),
    ),
    Defect(
        access.nobody_is_everybody,
        "DigitsFunctionCardPermissionStage",
        lambda t: without(properties(t, "DigitsFunctionCardPermissionStage"), "SourceArn"),
    ),
    Defect(
        access.networks_let_nobody_in,
        "a way in",
        lambda t: put(properties(t, "TrainingSecurityGroup"), "SecurityGroupIngress", [OPEN_GROUP]),
    ),
    Defect(
        access.networks_let_nobody_in,
        "every way out",
        lambda t: without(properties(t, "TrainingSecurityGroup"), "SecurityGroupEgress"),
    ),
    Defect(
        access.networks_let_nobody_in,
        "Ssh",
        lambda t: put(
            t.resources,
            "Ssh",
            {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": OPEN_GROUP | {"GroupId": "one"}},
        ),
    ),
]
