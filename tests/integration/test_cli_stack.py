"""A deployed stack by its name alone: registry, address and signing key come from its outputs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli import api, predict, signing
from cli.api import Answer, Api
from cli.emulator import Emulator
from cli.failure import CommandError
from cli.main import app
from cli.target import resolve
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.conftest import MODELS_BUCKET

URL = "https://abc123.execute-api.us-east-1.amazonaws.com/prod"


def deploy(name: str, outputs: Mapping[str, str]) -> None:
    """A stack with these outputs and nothing else."""
    template = {
        "Resources": {f"Topic{name.replace('-', '')}": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


@pytest.fixture
def key(models_bucket: str) -> str:
    """A stack, its registry and its key in KMS; the environment names the stack and nothing else."""
    made = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    arn: str = made["KeyMetadata"]["Arn"]
    deploy("maas-prod", {"ModelsBucket": models_bucket, "ApiUrl": URL, "SigningKeyArn": arn})
    return arn


@pytest.fixture
def named(key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """`export MAAS_STACK=maas-prod`, with no local stack running."""
    monkeypatch.setattr(Emulator.__init__, "__defaults__", (tmp_path,))
    for name in ("MAAS_MODELS_BUCKET", "MAAS_API_URL", "MAAS_SIGNING_KEY", "MAAS_SIGNING_PUBLIC_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MAAS_STACK", "maas-prod")
    return key


def maas(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def test_a_version_is_promoted_signed_and_listed(named: str) -> None:
    """MAAS_STACK is enough for the registry, and the stack's own key signs."""
    del named
    manifest, artifact = tiny_model.version()
    registry = Registry(ObjectStore(MODELS_BUCKET, boto3.client("s3")))
    registry.publish(manifest, artifact)
    moved = json.loads(maas("promote", "tiny", manifest.version, "--json").stdout)
    assert moved["version"] == manifest.version
    [row] = json.loads(maas("models", "--json").stdout)
    assert row["production"] == manifest.version
    shown = json.loads(maas("show", "tiny", "--json").stdout)
    assert shown["signature"]["state"] == "valid"


def test_a_request_goes_to_the_stack_s_address(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`maas predict` asks the API that the outputs name."""
    del named
    asked: list[str] = []

    def post(self: Api, path: str, _: Any) -> Answer:
        asked.append(f"{self.url}{path}")
        return Answer({"predictions": [{"volume": 1.0}]}, headers={}, seconds=0.0)

    monkeypatch.setattr(api.Api, "post", post)
    monkeypatch.setattr(predict, "contract", lambda _: None)
    maas("predict", "tiny", "--instances", "{}")
    assert asked == [f"{URL}/v1/models/tiny:predict"]


def test_the_option_does_what_the_variable_does(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """--stack names a stack for one command."""
    monkeypatch.delenv("MAAS_MODELS_BUCKET")
    assert json.loads(maas("models", "--stack", "maas-prod", "--json").stdout) == []
    target = resolve(stack="maas-prod")
    assert target.url == URL
    assert signing.signing_key(target) is not None
    assert key in target.outputs.values()


@pytest.mark.usefixtures("key")
def test_what_is_named_comes_first_and_may_not_contradict() -> None:
    """An address may be another one of the same API; a registry of another stack is a mistake."""
    assert resolve(url="https://models.example.org", stack="maas-prod").url == "https://models.example.org"
    assert resolve(registry=MODELS_BUCKET, stack="maas-prod").bucket == MODELS_BUCKET
    with pytest.raises(CommandError, match="not that of the stack maas-prod"):
        _ = resolve(registry="another", stack="maas-prod").bucket


@pytest.mark.usefixtures("aws")
def test_a_stack_that_is_not_there_is_one_sentence() -> None:
    """With the name, and what to check."""
    result = CliRunner().invoke(app, ["models", "--stack", "no-such-stack"], env={"MAAS_MODELS_BUCKET": ""})
    assert result.exit_code == 1
    assert "no-such-stack cannot be read" in result.stderr
    assert "aws sts get-caller-identity" in result.stderr
