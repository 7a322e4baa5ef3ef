"""The template and the function folders belong together, and every function keeps the house rules."""

import json
import re
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from functions.console.handler import DATA_ROUTE

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
BUCKETS = of_type("AWS::S3::Bucket")
MODELS = [name for name in FOLDERS if "Endpoint(" in (ROOT / "functions" / name / "handler.py").read_text()]


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for policy in role["Properties"]["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
        for statement in one.get("Fn::If", [None, one])[1:]  # those on condition too
        if "Effect" in statement
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def routes(logical_id: str) -> set[tuple[str, str]]:
    events = FUNCTIONS[logical_id]["Properties"]["Events"].values()
    return {(event["Properties"]["Method"], event["Properties"]["Path"]) for event in events}


def test_every_folder_is_deployed_and_nothing_else() -> None:
    """A function folder without a block, or a block without a folder, is a mistake."""
    assert {f"{camel(name)}Function" for name in FOLDERS} == set(FUNCTIONS)


def test_snake_case_names() -> None:
    """One snake_case name per function; CamelCase is derived from it and leads back to it."""
    for name in FOLDERS:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*", name)


def test_sections_come_in_the_agreed_order() -> None:
    """A reader finds every section where the other projects have it."""
    order = [
        "AWSTemplateFormatVersion",
        "Transform",
        "Description",
        "Metadata",
        "Parameters",
        "Mappings",
        "Rules",
        "Conditions",
        "Globals",
        "Resources",
        "Outputs",
    ]
    found = re.findall(r"^(\w+):", (ROOT / "template.yaml").read_text(), flags=re.MULTILINE)
    assert found == [name for name in order if name in found]


@pytest.mark.parametrize("name", FOLDERS)
def test_block_points_at_its_folder(name: str) -> None:
    """Code, name, description, log group, role and output all carry the function's one name."""
    properties = FUNCTIONS[f"{camel(name)}Function"]["Properties"]
    assert properties["CodeUri"] == f"functions/{name}"
    assert properties["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{name}"}
    assert properties["Description"]
    assert properties["Role"] == {"Fn::GetAtt": [f"{camel(name)}Role", "Arn"]}
    assert properties["LoggingConfig"] == {"LogGroup": {"Ref": f"{camel(name)}LogGroup"}}
    assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == name
    assert f"{camel(name)}Function" in TEMPLATE["Outputs"]


@pytest.mark.parametrize("name", FOLDERS)
def test_published_with_snapstart(name: str) -> None:
    """Every function publishes versions behind an alias, from a snapshot, also when only a layer changed."""
    properties = GLOBALS | FUNCTIONS[f"{camel(name)}Function"]["Properties"]
    assert properties["AutoPublishAlias"] == "live"
    assert properties["AutoPublishAliasAllProperties"] is True
    assert properties["SnapStart"] == {"ApplyOn": {"Fn::If": ["IsSnapStarted", "PublishedVersions", "None"]}}
    assert TEMPLATE["Parameters"]["SnapStart"]["Default"] == "on"
    assert properties["Runtime"] == "python3.13"
    if name not in {"batch_scoring", "monitor", "release"}:  # no gateway waits for them
        assert properties["Timeout"] <= 29
    assert properties["Layers"] == [{"Ref": "DependenciesLayer"}, {"Ref": "CommonLayer"}]


@pytest.mark.parametrize("name", FOLDERS)
def test_own_log_group(name: str) -> None:
    """Logs end up in a group of the template's, which forgets."""
    group = RESOURCES[f"{camel(name)}LogGroup"]
    assert group["Type"] == "AWS::Logs::LogGroup"
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", FOLDERS)
def test_own_role_without_wildcards(name: str) -> None:
    """A role names resources and actions, and no other function uses it."""
    role = RESOURCES[f"{camel(name)}Role"]
    for statement in statements(role):
        for resource in as_list(statement["Resource"]):
            assert resource != "*"
        for action in as_list(statement["Action"]):
            assert "*" not in action
    reference = f'"{camel(name)}Role"'
    users = [key for key, function in FUNCTIONS.items() if reference in json.dumps(function["Properties"])]
    assert users == [f"{camel(name)}Function"]


@pytest.mark.parametrize("name", MODELS)
def test_model_reads_its_own_prefix_only(name: str) -> None:
    """A model's function reads its own manifests and the blobs, and lists its own prefix."""
    s3 = [
        (action, resource, statement.get("Condition"))
        for statement in statements(RESOURCES[f"{camel(name)}Role"])
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if action.startswith("s3:")
    ]
    models = [one for one in s3 if "ModelsBucket" in str(one[1])]
    assert models == [
        ("s3:GetObject", {"Fn::Sub": f"${{ModelsBucket.Arn}}/models/{name}/*"}, None),
        ("s3:GetObject", {"Fn::Sub": "${ModelsBucket.Arn}/blobs/*"}, None),
        (
            "s3:ListBucket",
            {"Fn::GetAtt": ["ModelsBucket", "Arn"]},
            {"StringLike": {"s3:prefix": [f"models/{name}/*"]}},
        ),
    ]
    # In the other bucket, what comes with requests: each kind of it below the model's own name.
    for _, resource, _ in [one for one in s3 if one not in models]:
        assert re.fullmatch(rf"\$\{{DataBucket\.Arn\}}/\w+/{name}/\*", resource["Fn::Sub"])


@pytest.mark.parametrize("name", MODELS)
def test_model_has_both_dialects(name: str) -> None:
    """A model answers under its own paths of both dialects, whatever the method."""
    assert routes(f"{camel(name)}Function") == {
        ("ANY", f"/v1/models/{name}"),
        ("ANY", f"/v1/models/{name}:predict"),
        ("ANY", f"/v1/models/{name}:explain"),
        ("ANY", f"/v1/models/{name}:feedback"),
        ("ANY", f"/v1/models/{name}/{{proxy+}}"),
        ("ANY", f"/v2/models/{name}"),
        ("ANY", f"/v2/models/{name}/{{proxy+}}"),
    }


def test_catalogue_answers_everywhere_else() -> None:
    """No path is left to the gateway's own 403."""
    assert routes("CatalogueFunction") | routes("ConsoleFunction") >= {("ANY", "/"), ("ANY", "/{proxy+}")}


def test_one_function_alone_has_open_routes_beside_guarded_ones() -> None:
    """It answers on the guarded one only what is not for everybody: a second such function would have to."""
    guarded: dict[str, set[str]] = {}
    for name, function in FUNCTIONS.items():
        events = [event["Properties"] for event in function["Properties"].get("Events", {}).values()]
        asked = {event["Path"] for event in events if "Path" in event and not event.get("Auth")}
        if any(event.get("Auth") == {"Authorizer": "NONE"} for event in events):
            guarded[name] = asked
    assert guarded == {"ConsoleFunction": {DATA_ROUTE}}


@pytest.mark.parametrize("name", sorted(BUCKETS))
def test_bucket_is_private_encrypted_versioned(name: str) -> None:
    """Buckets are closed to the public, encrypted, versioned, tidy, and survive the stack."""
    bucket = BUCKETS[name]
    properties = bucket["Properties"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["BucketEncryption"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    rule = properties["LifecycleConfiguration"]["Rules"][0]
    assert "Prefix" not in rule  # it holds for the whole bucket; others may follow
    assert rule["NoncurrentVersionExpiration"]
    assert rule["AbortIncompleteMultipartUpload"]


@pytest.mark.parametrize("name", sorted(BUCKETS))
def test_bucket_refuses_plain_http(name: str) -> None:
    """A policy denies every request without TLS, on the bucket and on its objects."""
    policy = RESOURCES[f"{name}Policy"]["Properties"]
    assert policy["Bucket"] == {"Ref": name}
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_open_api_is_local_only() -> None:
    """Callers sign by default; an open API is refused outside of a laptop."""
    assert TEMPLATE["Parameters"]["Authentication"]["Default"] == "AWS_IAM"
    auth = RESOURCES["Api"]["Properties"]["Auth"]
    assert (auth["DefaultAuthorizer"], auth["InvokeRole"]) == ({"Ref": "Authentication"}, "NONE")
    rule = TEMPLATE["Rules"]["OpenOnlyLocally"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Authentication"}, ""]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Equals": [{"Ref": "Environment"}, "local"]}


def test_gateway_errors_serve_both_dialects() -> None:
    """Where the gateway answers itself, V1 clients find `detail` and V2 clients `error`, as plain JSON."""
    responses = RESOURCES["Api"]["Properties"]["GatewayResponses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    for response in responses.values():
        assert set(response["ResponseTemplates"]) == {"application/json"}
        text = response["ResponseTemplates"]["application/json"]
        body = json.loads(text.replace("$context.error.messageString", '"x"'))
        assert body["detail"] == body["error"]
        assert str(body.get("status", "")) == str(response.get("StatusCode", ""))


@pytest.mark.parametrize("layer", ["CommonLayer", "DependenciesLayer"])
def test_a_changed_layer_publishes_every_function(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """New layer content alone gives every function a new published version."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")  # the transform asks for one
    before, after = published({}), published({layer: "s3://bucket/changed"})
    assert len(before) == len(FUNCTIONS)
    assert not before & after


def published(contents: dict[str, str]) -> set[str]:
    """Logical ids of the function versions that the SAM transform makes, with other layer contents."""
    template = deepcopy(TEMPLATE)
    for name, resource in template["Resources"].items():
        for key in ("CodeUri", "ContentUri"):
            if key in resource.get("Properties", {}):
                resource["Properties"][key] = contents.get(name, "s3://bucket/key")
    parameters = {name: parameter.get("Default", "dev") for name, parameter in template["Parameters"].items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the translator's own affair
        resources = transform(template, parameters, NoManagedPolicies())["Resources"]
    return {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"}


class NoManagedPolicies:
    """The template names no AWS managed policy, so the transform need not ask IAM for them."""

    def load(self) -> dict[str, str]:
        return {}


def test_layers_are_built_by_our_makefiles() -> None:
    """Both layers are pruned and byte-compiled by us, for the stack's processor; old versions go."""
    for layer in of_type("AWS::Serverless::LayerVersion").values():
        assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": {"Ref": "Architecture"}}
        assert layer["Properties"]["RetentionPolicy"] == "Delete"
        assert (ROOT / layer["Properties"]["ContentUri"] / "Makefile").is_file()
