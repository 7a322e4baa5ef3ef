"""A second, smaller stack from the template that a first one was deployed from, with the code it uploaded."""

import json
import re
from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from samcli.yamlhelper import yaml_parse


def part(template: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Any]:
    """The template with the wanted resources, what they refer to, and the outputs about nothing else."""
    resources = template["Resources"]
    kept: set[str] = set()
    pending = set(wanted) | _names(template["Globals"], resources)
    while pending:
        kept |= pending
        pending = set().union(*(_names(resources[name], resources) for name in pending)) - kept
    smaller = deepcopy(dict(template))
    smaller["Resources"] = {name: resource for name, resource in smaller["Resources"].items() if name in kept}
    smaller["Outputs"] = {
        name: output
        for name, output in smaller["Outputs"].items()
        if _names(output["Value"], resources) <= kept
    }
    return smaller


def deploy_part(
    stack: Any, name: str, wanted: Collection[str], parameters: Mapping[str, str]
) -> dict[str, str]:
    """Deploy a part of a stack's template beside it, under another name; the new stack's outputs."""
    cloudformation = stack.client("cloudformation")
    found = cloudformation.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    template = yaml_parse(found) if isinstance(found, str) else found
    # From a bucket: in a call a template may have 51,200 bytes.
    bucket, key = f"part-{name}", "template.json"
    s3 = stack.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(part(template, wanted)).encode())
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/{key}",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 90})
    answer = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in answer["Outputs"]}


def _names(value: Any, resources: Collection[str]) -> set[str]:
    """The resources that a part of a template refers to, in any of the ways there are."""
    if isinstance(value, str):
        # `Ref`, `GetAtt` and `DependsOn` hold a name alone, `Sub` holds it in a text.
        return {name for name in re.findall(r"\w+", value) if name in resources}
    if isinstance(value, Mapping):
        return set().union(*(_names(item, resources) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_names(item, resources) for item in value))
    return set()
