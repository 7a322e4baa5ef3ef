"""Policies on what is kept: buckets, queues, logs, keys."""

from collections.abc import Callable, Iterator

from tests.policies.template import Resource, Template, containers, flat, resource_statements

PRIVATE = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
SECRET_WORDS = ("SECRET", "PASSWORD", "PRIVATE", "CREDENTIAL", "API_KEY")
# What nobody could make again.
PRECIOUS = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Cognito::UserPool", "AWS::DynamoDB::Table")


def buckets_are_private(template: Template) -> Iterator[str]:
    """No way to make a bucket or an object public, and no access lists."""
    for name, bucket in template.of("AWS::S3::Bucket").items():
        closed = bucket.get("PublicAccessBlockConfiguration", {})
        if {key for key, value in closed.items() if value is True} != PRIVATE:
            yield f"{name}: it can be made public"
        rules = bucket.get("OwnershipControls", {}).get("Rules", [])
        if rules != [{"ObjectOwnership": "BucketOwnerEnforced"}]:
            yield f"{name}: objects have access lists"


# By type, whether a resource with these properties is encrypted at rest.
ENCRYPTED: dict[str, Callable[[Resource], bool]] = {
    "AWS::S3::Bucket": lambda p: bool(p.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration")),
    "AWS::SQS::Queue": lambda p: p.get("SqsManagedSseEnabled") is True or "KmsMasterKeyId" in p,
    "AWS::SNS::Topic": lambda p: "KmsMasterKeyId" in p,
    "AWS::DynamoDB::Table": lambda p: p.get("SSESpecification", {}).get("SSEEnabled") is True,
    "AWS::EC2::LaunchTemplate": lambda p: _disks_are_encrypted(p["LaunchTemplateData"]),
}


def data_is_encrypted(template: Template) -> Iterator[str]:
    """Buckets, queues, topics, tables and disks are encrypted at rest."""
    for kind, is_encrypted in ENCRYPTED.items():
        for name, properties in template.of(kind).items():
            if not is_encrypted(properties):
                yield f"{name}: it is not encrypted"


def nothing_travels_in_the_clear(template: Template) -> Iterator[str]:
    """A bucket and a queue deny whatever comes without TLS."""
    covered: dict[str, set[str]] = {"AWS::S3::Bucket": set(), "AWS::SQS::Queue": set()}
    for name, kind, statement in resource_statements(template):
        is_bucket = kind == "AWS::S3::BucketPolicy"
        if (
            statement["Effect"] == "Deny"
            and statement.get("Principal") == "*"
            and statement["Action"] == ("s3:*" if is_bucket else "sqs:*")
            and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ):
            properties = template.resources[name]["Properties"]
            policed = properties["Bucket"] if is_bucket else properties.get("Queues", [])
            whole = template.names_in(statement["Resource"]) & template.names_in(policed)
            if not is_bucket or len(flat(statement["Resource"])) == 2:  # the bucket, and what is in it
                covered["AWS::S3::Bucket" if is_bucket else "AWS::SQS::Queue"] |= whole
    for kind, names in covered.items():
        for name in template.of(kind):
            if name not in names:
                yield f"{name}: it answers without TLS"


def logs_are_forgotten(template: Template) -> Iterator[str]:
    """Every log group has an end, and every function writes into one of the template's."""
    groups = template.of("AWS::Logs::LogGroup")
    for name, group in groups.items():
        if not group.get("RetentionInDays"):
            yield f"{name}: it is kept for ever"
    for name, function in template.of("AWS::Lambda::Function").items():
        if function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref") not in groups:
            yield f"{name}: Lambda makes its log, which is kept for ever"
    for name, job in template.of("AWS::Batch::JobDefinition").items():
        for container in containers(job):
            if not template.names_in(container.get("LogConfiguration")) & set(groups):
                yield f"{name}: its log is none of the template's"


def old_objects_are_forgotten(template: Template) -> Iterator[str]:
    """A bucket keeps neither replaced objects nor abandoned uploads for ever."""
    for name, bucket in template.of("AWS::S3::Bucket").items():
        rules = flat(bucket.get("LifecycleConfiguration", {}).get("Rules", []))
        for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if not any(key in rule and not {"Prefix", "Filter"} & set(rule) for rule in rules):
                yield f"{name}: no {key} for all of it"


def precious_things_outlive_the_stack(template: Template) -> Iterator[str]:
    """What nobody could make again stays when the stack goes, or when it is replaced."""
    for kind in PRECIOUS:
        for name in template.of(kind):
            resource = template.resources[name]
            if template.reason(name, "Expendable"):
                continue
            for key in ("DeletionPolicy", "UpdateReplacePolicy"):
                if resource.get(key) != "Retain":
                    yield f"{name}: {key} is not Retain"


def environments_hold_no_secrets(template: Template) -> Iterator[str]:
    """Nobody reads a secret from a function's settings, because none is there."""
    for name, function in template.of("AWS::Lambda::Function").items():
        for variable in function.get("Environment", {}).get("Variables", {}):
            if any(word in variable.upper() for word in SECRET_WORDS):
                yield f"{name}: {variable} looks like a secret"


def _disks_are_encrypted(launch: Resource) -> bool:
    disks = launch.get("BlockDeviceMappings", [])
    return bool(disks) and all(disk["Ebs"].get("Encrypted") is True for disk in disks)
