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


def test_two_public_keys_fit_into_a_description() -> None:
    """A version's description has at most 256 characters; while keys change, two are pinned."""
    prefix = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
    join = TEMPLATE["Resources"]["Settings"]["Properties"]["Value"]["Fn::Join"][1][-1]
    assert join == {"Fn::Join": ["", {"Fn::Split": [prefix, {"Ref": "SigningPublicKey"}]}]}
    keys = len(f"{'x' * 88},{'x' * 88}")
    others = "WARNING off 86400 15 off 0.01 off "
    release = " off 10,25,50,75 86400 1000 100000 0.05 1.5"
    assert len(others) + keys + len(release) <= 256
