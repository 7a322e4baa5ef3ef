"""Defects that the policies on what is kept must find."""

from tests.policies import storage
from tests.policies.defects.planting import Defect, container, properties, put, without

DEFECTS = [
    Defect(
        storage.buckets_are_private,
        "made public",
        lambda t: put(
            properties(t, "DataBucket"), "PublicAccessBlockConfiguration", "BlockPublicAcls", False
        ),
    ),
    Defect(
        storage.buckets_are_private,
        "made public",
        lambda t: without(properties(t, "DataBucket"), "PublicAccessBlockConfiguration"),
    ),
    Defect(
        storage.buckets_are_private,
        "access lists",
        lambda t: without(properties(t, "DataBucket"), "OwnershipControls"),
    ),
    Defect(
        storage.data_is_encrypted,
        "DataBucket",
        lambda t: without(properties(t, "DataBucket"), "BucketEncryption"),
    ),
    Defect(
        storage.data_is_encrypted,
        "BatchQueue",
        lambda t: without(properties(t, "BatchQueue"), "SqsManagedSseEnabled"),
    ),
    Defect(
        storage.data_is_encrypted,
        "Told",
        lambda t: put(t.resources, "Told", {"Type": "AWS::SNS::Topic", "Properties": {}}),
    ),
    Defect(
        storage.data_is_encrypted,
        "Rows",
        lambda t: put(t.resources, "Rows", {"Type": "AWS::DynamoDB::Table", "Properties": {}}),
    ),
    Defect(
        storage.data_is_encrypted,
        "TrainingLaunchTemplate",
        lambda t: without(
            properties(t, "TrainingLaunchTemplate")["LaunchTemplateData"], "BlockDeviceMappings"
        ),
    ),
    Defect(
        storage.nothing_travels_in_the_clear,
        "ModelsBucket",
        lambda t: without(t.resources, "ModelsBucketPolicy"),
    ),
    Defect(
        storage.nothing_travels_in_the_clear,
        "ModelsBucket",
        lambda t: put(
            properties(t, "ModelsBucketPolicy")["PolicyDocument"]["Statement"][0],
            "Resource",
            [{"Fn::GetAtt": ["ModelsBucket", "Arn"]}],
        ),
    ),
    Defect(
        storage.nothing_travels_in_the_clear,
        "BatchQueue",
        lambda t: without(properties(t, "BatchQueuePolicy")["PolicyDocument"]["Statement"], 1),
    ),
    Defect(
        storage.logs_are_forgotten,
        "DigitsLogGroup",
        lambda t: without(properties(t, "DigitsLogGroup"), "RetentionInDays"),
    ),
    Defect(
        storage.logs_are_forgotten,
        "DigitsFunction",
        lambda t: without(properties(t, "DigitsFunction"), "LoggingConfig"),
    ),
    Defect(storage.logs_are_forgotten, "TrainingJob", lambda t: without(container(t), "LogConfiguration")),
    Defect(
        storage.old_objects_are_forgotten,
        "NoncurrentVersion",
        lambda t: put(properties(t, "DataBucket")["LifecycleConfiguration"]["Rules"][0], "Prefix", "inbox/"),
    ),
    Defect(
        storage.old_objects_are_forgotten,
        "Abort",
        lambda t: without(properties(t, "ModelsBucket"), "LifecycleConfiguration"),
    ),
    Defect(
        storage.precious_things_outlive_the_stack,
        "ModelsBucket: DeletionPolicy",
        lambda t: without(t.resources["ModelsBucket"], "DeletionPolicy"),
    ),
    Defect(
        storage.precious_things_outlive_the_stack,
        "UserPool: UpdateReplacePolicy",
        lambda t: put(t.resources["UserPool"], "UpdateReplacePolicy", "Delete"),
    ),
    Defect(
        storage.precious_things_outlive_the_stack,
        "SigningKey",
        lambda t: without(t.resources["SigningKey"], "Metadata"),
    ),
    Defect(
        storage.environments_hold_no_secrets,
        "DB_PASSWORD",
        lambda t: put(properties(t, "DigitsFunction"), "Environment", "Variables", "DB_PASSWORD", "x"),
    ),
]
