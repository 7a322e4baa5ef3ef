"""A changed parameter must reach what serves: published versions keep the environment they were made with."""

import re
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
# A key for ECDSA with the curve P-256, as base64.
PREFIX, SUFFIX, KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", "==", 124
# What CloudFormation cannot limit: numbers with a fraction, as they are written by anybody.
SHARES = {
    name: len(longest)
    for name, longest in {
        "AlarmDrift": "1.125",
        "CanaryFailures": "0.005",
        "CanarySlower": "1.5",
        "CaptureRate": "0.0001",
    }.items()
}
# Cognito's: of a pool, and the beginning of an address, which LoginDomain limits, or a stack's short name.
RESOURCE_NAMES = {"UserPool": len("ap-southeast-1_Abcdefghi"), "UserPoolDomain": 38}
# A stack never changes its environment, and for another processor the code is another one.
FIXED = {"Environment", "Architecture"}
# Of the function as a whole or of its alias, not of a version.
NOT_OF_A_VERSION = {
    "DeploymentPreference",
    "Events",
    "FunctionName",
    "Policies",
    "ReservedConcurrentExecutions",
    "Role",
    "Tags",
    "VersionDescription",
}


def parameters(value: Any) -> set[str]:
    """The parameters that a value depends on, through conditions and through the settings."""
    if isinstance(value, list):
        return set().union(*map(parameters, value))
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, inner in value.items():
        match key, inner:
            case "Ref", str():
                found |= {inner} & TEMPLATE["Parameters"].keys()
            case "Fn::GetAtt", ["Settings", "Value"]:
                found |= parameters(TEMPLATE["Resources"]["Settings"]["Properties"]["Value"])
            case "Fn::Sub", _:
                text, names = (inner, {}) if isinstance(inner, str) else inner
                found |= set(re.findall(r"\$\{(\w+)\}", text)) & TEMPLATE["Parameters"].keys()
                if "${Settings.Value}" in text:
                    found |= parameters({"Fn::GetAtt": ["Settings", "Value"]})
                found |= parameters(names)
            case "Condition", str():
                found |= parameters(TEMPLATE["Conditions"][inner])
            case "Fn::If", [condition, *branches]:
                found |= parameters(TEMPLATE["Conditions"][condition]) | parameters(branches)
            case _:
                found |= parameters(inner)
    return found - FIXED


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_of_a_function_describes_its_versions(name: str) -> None:
    """SAM publishes a version when the template's text changes; another value has to change a description."""
    own = {key: value for key, value in FUNCTIONS[name].items() if key not in NOT_OF_A_VERSION}
    assert parameters(own) <= parameters(FUNCTIONS[name].get("VersionDescription"))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "AuthorizerFunction"])
def test_what_all_functions_have_in_common_describes_them(name: str) -> None:
    """The globals too, but for the authorizer, which uses neither models nor their settings."""
    common = TEMPLATE["Globals"]["Function"]
    common = {key: value for key, value in common.items() if key not in NOT_OF_A_VERSION}
    assert parameters(common) <= parameters(FUNCTIONS[name].get("VersionDescription"))


def test_descriptions_change_only_with_their_functions() -> None:
    """Lambda publishes no version of a function that has not changed, and the deployment would fail."""
    common = parameters(TEMPLATE["Globals"]["Function"])
    for properties in FUNCTIONS.values():
        own = {key: value for key, value in properties.items() if key not in NOT_OF_A_VERSION}
        assert parameters(properties.get("VersionDescription")) <= common | parameters(own)


def test_public_keys_are_described_without_what_all_of_them_have() -> None:
    """Their beginning and their end say nothing, and a description has no room for them."""
    join = TEMPLATE["Resources"]["Settings"]["Properties"]["Value"]["Fn::Join"][1][-1]
    bare = {"Fn::Join": ["", {"Fn::Split": [PREFIX, {"Ref": "SigningPublicKey"}]}]}
    assert join == {"Fn::Join": ["", {"Fn::Split": [SUFFIX, bare]}]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_description_is_too_long(name: str) -> None:
    """A version's description has at most 256 characters, else nothing can be deployed any more."""
    assert longest(FUNCTIONS[name].get("VersionDescription")) <= 256


def longest(value: Any) -> int:  # noqa: PLR0911 -- one for each form of a value
    """The most characters that a value can have."""
    match value:
        case None:
            return 0
        case str():
            return len(value)
        case {"Ref": name}:
            return longest_name(name)
        case {"Fn::GetAtt": ["Settings", "Value"]}:
            separator, parts = TEMPLATE["Resources"]["Settings"]["Properties"]["Value"]["Fn::Join"]
            return sum(map(longest, parts)) + len(separator) * (len(parts) - 1)
        case {"Fn::Join": ["", {"Fn::Split": [_, _]}]}:
            return 2 * (KEY - len(PREFIX) - len(SUFFIX)) + len(",")  # while keys change, two are pinned
        case {"Fn::Join": ["", list(parts)]}:
            return sum(map(longest, parts))
        case {"Fn::If": [_, *choices]}:
            return max(map(longest, choices))
        case {"Fn::Sub": str(text)}:
            return longest({"Fn::Sub": [text, {}]})
        case {"Fn::Sub": [text, names]}:
            known = names | {"Settings.Value": {"Fn::GetAtt": ["Settings", "Value"]}}
            used = re.findall(r"\$\{([\w.]+)\}", text)
            return len(re.sub(r"\$\{[\w.]+\}", "", text)) + sum(
                longest(known.get(name, {"Ref": name})) for name in used
            )
    raise NotImplementedError(str(value))


def longest_name(name: str) -> int:
    """The most characters of a parameter, which must have a limit, or of a resource's name."""
    if name in RESOURCE_NAMES:
        return RESOURCE_NAMES[name]
    parameter = TEMPLATE["Parameters"][name]
    if "AllowedValues" in parameter:
        return max(len(str(value)) for value in parameter["AllowedValues"])
    if name in SHARES:
        return SHARES[name]
    if parameter["Type"] == "Number":
        return len(str(parameter["MaxValue"]))
    if name == "CanaryWeights":
        assert parameter["AllowedPattern"] == "[1-9][0-9]?(,[1-9][0-9]?){0,4}"
        return len("99,99,99,99,99")
    return int(parameter["MaxLength"])
