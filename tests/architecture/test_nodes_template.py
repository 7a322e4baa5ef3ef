"""Training on several nodes in the template: what is there when, and that its parts fit each other."""

from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
from botocore.validate import ParamValidator
from samcli.yamlhelper import yaml_parse

from cli.main import app

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
NODES = {name: resource for name, resource in RESOURCES.items() if name.startswith("TrainingNodes")}
DEFINITION: dict[str, Any] = NODES["TrainingNodesJobDefinition"]["Properties"]
CONTAINER: dict[str, Any] = DEFINITION["NodeProperties"]["NodeRangeProperties"][0]["Container"]


def test_it_is_there_only_where_it_was_asked_for() -> None:
    """Every part has a condition that needs Training=on and TrainingNodes=on; so has every output."""
    on = {"Fn::Equals": [{"Ref": "TrainingNodes"}, "on"]}
    conditions = TEMPLATE["Conditions"]
    assert on in conditions["HasNodes"]["Fn::And"]
    assert {"Fn::Equals": [{"Ref": "Training"}, "on"]} in conditions["HasNodes"]["Fn::And"]
    assert {"Condition": "HasNodes"} in conditions["HasOwnNodesNetwork"]["Fn::And"]
    assert TEMPLATE["Parameters"]["TrainingNodes"]["Default"] == "off"
    outputs = [value for name, value in TEMPLATE["Outputs"].items() if name.startswith("TrainingNodes")]
    assert len(outputs) == 2
    found = {part.get("Condition") for part in [*NODES.values(), *outputs]}
    assert found == {"HasNodes", "HasOwnNodesNetwork"}


def test_what_its_instances_need_is_there_with_them() -> None:
    """Whatever the nodes refer to in the rest of the template exists whenever they do."""
    shared = {"TrainingLaunchTemplate", "TrainingInstanceRole", "TrainingInstanceProfile"}
    assert {RESOURCES[name]["Condition"] for name in shared} == {"HasInstances"}
    assert TEMPLATE["Conditions"]["HasInstances"] == {
        "Fn::Or": [{"Condition": "HasGpu"}, {"Condition": "HasNodes"}]
    }


def test_only_nodes_reach_nodes() -> None:
    """The way in is from the same security group, and not to the ports of services."""
    group = NODES["TrainingNodesSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    own = {"Fn::GetAtt": ["TrainingNodesSecurityGroup", "GroupId"]}
    for name, other in (("In", "SourceSecurityGroupId"), ("Out", "DestinationSecurityGroupId")):
        rule = NODES[f"TrainingNodes{name}"]["Properties"]
        assert rule["GroupId"] == rule[other] == own
        assert not {"CidrIp", "CidrIpv6"} & rule.keys()


def test_nodes_are_close_together_and_not_spare() -> None:
    """One zone, one kind of instance, and none of the capacity that Batch gives to no multi-node job."""
    computing = NODES["TrainingNodesInstances"]["Properties"]["ComputeResources"]
    assert computing["Type"] == "EC2"
    assert len(computing["Subnets"]) == len(computing["InstanceTypes"]) == 1
    assert "PlacementGroup" in computing


def test_every_node_runs_the_command_that_people_use() -> None:
    """The same one as a job on one machine; its parameters are those of that job."""
    alone = RESOURCES["TrainingJobDefinition"]["Properties"]
    assert CONTAINER["Command"] == alone["ContainerProperties"]["Command"]
    assert DEFINITION["Parameters"] == alone["Parameters"]
    for name in ("Image", "JobRoleArn"):
        assert CONTAINER[name] == alone["ContainerProperties"][name]
    # Candidates in processes of their own would train their networks without the other nodes.
    there = [one for one in alone["ContainerProperties"]["Environment"] if one["Name"] != "MAAS_JOBS"]
    assert CONTAINER["Environment"] == there


@pytest.mark.parametrize("part", ["NodeProperties", "Container"])
def test_batch_knows_every_property(part: str) -> None:
    """The definition has no name that the service does not know, and lacks none it needs."""
    model = botocore.session.get_session().get_service_model("batch").operation_model("RegisterJobDefinition")
    shape = model.input_shape.members["nodeProperties"]
    given = plain(DEFINITION["NodeProperties"])
    if part == "Container":
        shape = shape.members["nodeRangeProperties"].member.members["container"]
        given = given["nodeRangeProperties"][0]["container"]
    assert ParamValidator().validate(given, shape).generate_report() == ""


def test_the_jobs_of_a_search_are_commands_that_people_use() -> None:
    """What is submitted for a search are options of `maas train`."""
    command: Any = typer.main.get_command(app)
    known = {name for option in command.commands["train"].params for name in option.opts}
    assert {"--search", "--trial-of", "--choose-from", "--candidate", "--run", "--jobs", "--nodes"} <= known


def plain(node: Any) -> Any:
    """Properties as the service's API names them, with a text wherever a function gives the value."""
    if isinstance(node, list):
        return [value for value in map(plain, node) if value is not None]
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and (name := next(iter(node))) in {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If"}:
        return plain(node[name][2]) if name == "Fn::If" else None if node[name] == "AWS::NoValue" else "text"
    if "awslogs-group" in node:
        return dict.fromkeys(node, "text")
    return {f"{name[0].lower()}{name[1:]}": plain(value) for name, value in node.items()}
