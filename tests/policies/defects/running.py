"""Defects that the policies on what runs must find."""

from tests.policies import running
from tests.policies.defects.planting import (
    CARD,
    FUNCTION_URI,
    Defect,
    container,
    first_rule_target,
    first_task,
    operation,
    properties,
    put,
    without,
)

DEFECTS = [
    Defect(
        running.functions_are_snapshots_behind_an_alias,
        "without a snapshot",
        lambda t: without(properties(t, "DigitsFunction"), "SnapStart"),
    ),
    Defect(
        running.functions_are_snapshots_behind_an_alias,
        "no version",
        lambda t: without(t.resources, "DigitsFunctionAliaslive"),
    ),
    Defect(
        running.functions_are_snapshots_behind_an_alias,
        "Api: it calls a function past",
        lambda t: put(operation(t, CARD), "x-amazon-apigateway-integration", "uri", FUNCTION_URI),
    ),
    Defect(
        running.functions_are_snapshots_behind_an_alias,
        "BatchLargeFiles: it calls",
        lambda t: put(first_task(t), "Parameters", "FunctionName", {"Ref": "BatchScoringFunction"}),
    ),
    Defect(
        running.functions_are_snapshots_behind_an_alias,
        "BatchScoringFunctionDropped: it calls",
        lambda t: put(
            properties(t, "BatchScoringFunctionDropped"), "FunctionName", {"Ref": "BatchScoringFunction"}
        ),
    ),
    Defect(
        running.functions_answer_in_time,
        "DigitsFunction",
        lambda t: put(properties(t, "DigitsFunction"), "Timeout", 30),
    ),
    Defect(
        running.functions_have_a_role_of_their_own,
        "shares a role",
        lambda t: put(properties(t, "DigitsFunction"), "Role", properties(t, "LaneFlowFunction")["Role"]),
    ),
    Defect(
        running.models_cannot_starve_each_other,
        "DigitsFunction",
        lambda t: without(properties(t, "DigitsFunction"), "ReservedConcurrentExecutions"),
    ),
    Defect(
        running.failures_are_kept,
        "BatchQueue",
        lambda t: without(properties(t, "BatchQueue"), "RedrivePolicy"),
    ),
    Defect(
        running.dead_letters_find_people,
        "told of dead",
        lambda t: without(t.resources, "BatchDeadLetterAlarm"),
    ),
    Defect(
        running.dead_letters_find_people,
        "told of dead",
        lambda t: without(t.resources, "ReleaseDeadLetterAlarm"),
    ),
    Defect(
        running.dead_letters_find_people,
        "before people come back",
        lambda t: put(properties(t, "BatchDeadLetterQueue"), "MessageRetentionPeriod", 3600),
    ),
    Defect(
        running.failures_are_kept,
        "is lost",
        lambda t: without(first_rule_target(t), "DeadLetterConfig"),
    ),
    Defect(
        running.failures_are_kept,
        "attempts",
        lambda t: without(first_rule_target(t), "RetryPolicy"),
    ),
    Defect(
        running.failures_are_kept,
        "is lost",
        lambda t: without(properties(t, "ReleaseFunctionEventInvokeConfig"), "DestinationConfig"),
    ),
    Defect(
        running.failures_are_kept,
        "TrainingScheduler",
        lambda t: without(properties(t, "TrainingScheduler")["Target"], "DeadLetterConfig"),
    ),
    Defect(
        running.asynchronous_functions_have_a_destination,
        "ReleaseFunction",
        lambda t: without(t.resources, "ReleaseFunctionEventInvokeConfig"),
    ),
    Defect(running.queues_are_watched, "BatchQueue", lambda t: without(t.resources, "BatchBacklogAlarm")),
    Defect(
        running.messages_stay_hidden_while_worked_on,
        "come back",
        lambda t: put(properties(t, "BatchScoringFunction"), "Timeout", 301),
    ),
    Defect(
        running.messages_stay_hidden_while_worked_on,
        "come back",
        lambda t: without(properties(t, "BatchQueue"), "VisibilityTimeout"),
    ),
    Defect(
        running.messages_stay_hidden_while_worked_on,
        "whole batch",
        lambda t: without(properties(t, "BatchScoringFunctionDropped"), "FunctionResponseTypes"),
    ),
    Defect(
        running.machines_catch_what_fails,
        "BatchLargeFiles: Plan",
        lambda t: [without(first_task(t), key) for key in ("Retry", "Catch")],  # type: ignore[list-item, return-value]
    ),
    Defect(running.containers_are_harmless, "privileged", lambda t: put(container(t), "Privileged", True)),
    Defect(running.containers_are_harmless, "the host", lambda t: put(container(t), "User", "root")),
    Defect(
        running.containers_are_harmless,
        "mounts the host",
        lambda t: put(container(t), "Volumes", [{"Name": "all", "Host": {"SourcePath": "/"}}]),
    ),
    Defect(running.images_are_pinned, "digest", lambda t: put(container(t), "Image", "python:3.13")),
    Defect(
        running.images_are_pinned,
        "digest",
        lambda t: without(t.parameters["TrainingImage"], "AllowedPattern"),
    ),
    Defect(
        running.instances_keep_their_credentials,
        "credentials",
        lambda t: without(properties(t, "TrainingLaunchTemplate")["LaunchTemplateData"], "MetadataOptions"),
    ),
]
