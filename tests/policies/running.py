"""Policies on what runs: functions, asynchronous paths, containers."""

import re
from collections.abc import Iterator
from typing import Any

from tests.policies.template import Resource, Template, branches, containers, tasks

API_SECONDS = 29  # API Gateway gives up after them
DIGEST = "@sha256:[0-9a-f]{64}"
LONGEST_RETENTION = 14 * 24 * 3600  # seconds
# Unless a parameter, on by default, says otherwise.
SNAP_START = {"ApplyOn": {"Fn::If": ["IsSnapStarted", "PublishedVersions", "None"]}}
VISIBILITY = 6  # times the function's timeout, as AWS asks of event sources


def functions_are_snapshots_behind_an_alias(template: Template) -> Iterator[str]:
    """Each function publishes a version from a snapshot, and callers reach it by the alias."""
    versions = {p["FunctionName"]["Ref"] for p in template.of("AWS::Lambda::Version").values()}
    aliases = {p["FunctionName"]["Ref"] for p in template.of("AWS::Lambda::Alias").values()}
    for name, function in template.of("AWS::Lambda::Function").items():
        if function.get("SnapStart") != SNAP_START:
            yield f"{name}: it starts without a snapshot"
        if name not in versions or name not in aliases:
            yield f"{name}: it has no version behind an alias"
    functions = set(template.of("AWS::Lambda::Function"))
    for name, value in _calls(template):
        if template.names_in(value) & functions:
            yield f"{name}: it calls a function past its alias"


def functions_answer_in_time(template: Template) -> Iterator[str]:
    """What the gateway calls answers before the gateway gives up."""
    for api in template.of("AWS::ApiGateway::RestApi").values():
        for item in api["Body"]["paths"].values():
            for operation in item.values():
                for alias in template.names_in(operation["x-amazon-apigateway-integration"]["uri"]):
                    name = alias.removesuffix("Aliaslive")
                    if template.resources[name]["Properties"]["Timeout"] > API_SECONDS:
                        yield f"{name}: the gateway gives up before it does"


def functions_have_a_role_of_their_own(template: Template) -> Iterator[str]:
    """A role serves one function: the rights of one are not the rights of another."""
    seen: dict[str, str] = {}
    for name, function in template.of("AWS::Lambda::Function").items():
        role = str(function["Role"])
        if role in seen:
            yield f"{name}: it shares a role with {seen[role]}"
        seen[role] = name


def models_cannot_starve_each_other(template: Template) -> Iterator[str]:
    """Each model's share of the account's concurrency can be set."""
    for name, function in template.of("AWS::Lambda::Function").items():
        is_model = f"/v1/models/{_service(function)}:predict" in _paths(template)
        if is_model and "ModelConcurrency" not in str(function.get("ReservedConcurrentExecutions")):
            yield f"{name}: its concurrency cannot be reserved"


def failures_are_kept(template: Template) -> Iterator[str]:
    """What cannot be done after some attempts is kept in a queue, whatever way it came."""
    queues = template.of("AWS::SQS::Queue")
    for name, target in _asynchronous(template):
        if not template.names_in(target.get("DeadLetterConfig")) & set(queues):
            yield f"{name}: what fails is lost"
        if not target.get("RetryPolicy"):
            yield f"{name}: it says nothing of attempts"
    for name, config in template.of("AWS::Lambda::EventInvokeConfig").items():
        if not template.names_in(config.get("DestinationConfig", {}).get("OnFailure")) & set(queues):
            yield f"{name}: what fails is lost"
    for name in sorted(set(queues) - _dead_letters(template)):
        if "RedrivePolicy" not in queues[name]:
            yield f"{name}: what fails is lost"


def dead_letters_find_people(template: Template) -> Iterator[str]:
    """Dead letters are kept for as long as queues can, and an alarm tells of the first one."""
    queues = template.of("AWS::SQS::Queue")
    for name in sorted(_dead_letters(template)):
        if queues[name].get("MessageRetentionPeriod", 0) < LONGEST_RETENTION:
            yield f"{name}: dead letters are gone before people come back"
        if not _has_alarm(template, name, "ApproximateNumberOfMessagesVisible"):
            yield f"{name}: nobody is told of dead letters"


def asynchronous_functions_have_a_destination(template: Template) -> Iterator[str]:
    """A function that is called without anybody waiting says where failures go."""
    configured = {
        config["FunctionName"]["Ref"] for config in template.of("AWS::Lambda::EventInvokeConfig").values()
    }
    for _, target in _asynchronous(template):
        for alias in sorted(template.names_in(target["Arn"])):
            if template.resources[alias]["Type"] == "AWS::Lambda::Alias":
                name = alias.removesuffix("Aliaslive")
                if name not in configured:
                    yield f"{name}: events that it fails on are lost"


def queues_are_watched(template: Template) -> Iterator[str]:
    """A queue that feeds a function has an alarm on how long messages wait."""
    for mapping in template.of("AWS::Lambda::EventSourceMapping").values():
        for queue in sorted(
            template.names_in(mapping["EventSourceArn"]) & set(template.of("AWS::SQS::Queue"))
        ):
            if not _has_alarm(template, queue, "ApproximateAgeOfOldestMessage"):
                yield f"{queue}: nobody is told that messages wait"


def messages_stay_hidden_while_worked_on(template: Template) -> Iterator[str]:
    """Visibility is at least six times the timeout, and a failure in a batch fails alone."""
    for name, mapping in template.of("AWS::Lambda::EventSourceMapping").items():
        queues = template.names_in(mapping["EventSourceArn"]) & set(template.of("AWS::SQS::Queue"))
        functions = {n.removesuffix("Aliaslive") for n in template.names_in(mapping["FunctionName"])}
        for queue in sorted(queues):
            for function in sorted(functions):
                timeout = template.resources[function]["Properties"]["Timeout"]
                if (
                    template.resources[queue]["Properties"].get("VisibilityTimeout", 30)
                    < VISIBILITY * timeout
                ):
                    yield f"{queue}: messages come back while {function} works on them"
        if queues and mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: one failure fails the whole batch"


def machines_catch_what_fails(template: Template) -> Iterator[str]:
    """Every task of a state machine says what happens after a failure."""
    for name, machine in template.of("AWS::StepFunctions::StateMachine").items():
        for state, task in tasks(machine["Definition"]["States"]):
            if not task.get("Retry") and not task.get("Catch"):
                yield f"{name}: {state} neither tries again nor catches"


def containers_are_harmless(template: Template) -> Iterator[str]:
    """No container is privileged, mounts the host or has rights that its image was not given."""
    for name, job in template.of("AWS::Batch::JobDefinition").items():
        for one in containers(job):
            if one.get("Privileged"):
                yield f"{name}: its container is privileged"
            if one.get("User") == "root" or one.get("LinuxParameters", {}).get("Devices"):
                yield f"{name}: its container reaches the host"
            if any(volume.get("Host") for volume in one.get("Volumes", [])):
                yield f"{name}: its container mounts the host"


def images_are_pinned(template: Template) -> Iterator[str]:
    """An image is named by its digest: a name may be given to another one."""
    for name, job in template.of("AWS::Batch::JobDefinition").items():
        for container in containers(job):
            for image in branches(container["Image"]):
                parameter = (
                    template.parameters.get(str(image.get("Ref")), {}) if isinstance(image, dict) else {}
                )
                by_parameter = parameter.get("AllowedPattern", "").endswith(DIGEST)
                if not by_parameter and not re.search(f"{DIGEST}$", str(image)):
                    yield f"{name}: its image is not named by its digest"


def instances_keep_their_credentials(template: Template) -> Iterator[str]:
    """Only the instance itself, by session, reads its metadata: IMDSv2, one hop."""
    for name, launch in template.of("AWS::EC2::LaunchTemplate").items():
        options = launch["LaunchTemplateData"].get("MetadataOptions", {})
        if (options.get("HttpTokens"), options.get("HttpPutResponseHopLimit")) != ("required", 1):
            yield f"{name}: containers read the instance's credentials"


def _calls(template: Template) -> Iterator[tuple[str, Any]]:
    """What calls functions, and the value that says which."""
    for name, api in template.of("AWS::ApiGateway::RestApi").items():
        for item in api["Body"]["paths"].values():
            for operation in item.values():
                yield name, operation["x-amazon-apigateway-integration"]["uri"]
        for scheme in api["Body"].get("components", {}).get("securitySchemes", {}).values():
            yield name, scheme.get("x-amazon-apigateway-authorizer", {}).get("authorizerUri")
    for name, mapping in template.of("AWS::Lambda::EventSourceMapping").items():
        yield name, mapping["FunctionName"]
    for name, target in _asynchronous(template):
        yield name, target["Arn"]
    for name, machine in template.of("AWS::StepFunctions::StateMachine").items():
        for _, task in tasks(machine["Definition"]["States"]):
            yield name, task.get("Parameters", task.get("Arguments"))


def _asynchronous(template: Template) -> Iterator[tuple[str, Resource]]:
    """Targets that are called without anybody waiting for the answer."""
    for name, rule in template.of("AWS::Events::Rule").items():
        yield from ((name, target) for target in rule.get("Targets", []))
    for name, schedule in template.of("AWS::Scheduler::Schedule").items():
        yield name, schedule["Target"]


def _dead_letters(template: Template) -> set[str]:
    """The queues that something else ends in."""
    ends = [queue.get("RedrivePolicy", {}) for queue in template.of("AWS::SQS::Queue").values()]
    ends += [target.get("DeadLetterConfig", {}) for _, target in _asynchronous(template)]
    configs = template.of("AWS::Lambda::EventInvokeConfig").values()
    ends += [config.get("DestinationConfig", {}) for config in configs]
    return template.names_in(ends) & set(template.of("AWS::SQS::Queue"))


def _has_alarm(template: Template, queue: str, metric: str) -> bool:
    return any(
        alarm.get("MetricName") == metric and queue in template.names_in(alarm.get("Dimensions"))
        for alarm in template.of("AWS::CloudWatch::Alarm").values()
    )


def _service(function: Resource) -> Any:
    return function.get("Environment", {}).get("Variables", {}).get("POWERTOOLS_SERVICE_NAME")


def _paths(template: Template) -> set[str]:
    return {path for api in template.of("AWS::ApiGateway::RestApi").values() for path in api["Body"]["paths"]}
