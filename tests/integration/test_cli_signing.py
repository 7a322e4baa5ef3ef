"""The commands that sign: what they print, and that what they sign is what functions accept."""

import json
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from maas.registry import Registry
from maas.signature import PinnedKeys, PublicKey, public_keys, signature_key
from maas.store import ObjectStore
from tests.manifests import manifest_of

MODEL, STACK = "parking", "maas-test"
A, B = manifest_of(b"a", model=MODEL), manifest_of(b"b", model=MODEL, minute=1)


def maas(*arguments: str) -> Result:
    """Run a command that is expected to succeed."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def document(*arguments: str) -> Any:
    return json.loads(maas(*arguments, "--json").stdout)


def deploy(**outputs: str) -> None:
    """A stack of this name with these outputs, in moto."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    stacks = boto3.client("cloudformation")
    known = [stack["StackName"] for stack in stacks.describe_stacks()["Stacks"]]
    act = stacks.update_stack if STACK in known else stacks.create_stack
    act(StackName=STACK, TemplateBody=json.dumps(template))


@pytest.fixture
def key(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key in KMS that the environment names, beside two published versions; its ARN."""
    for manifest, artifact in ((A, b"a"), (B, b"b")):
        registry.publish(manifest, artifact)
    made = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    arn = str(made["KeyMetadata"]["Arn"])
    monkeypatch.setenv("MAAS_SIGNING_KEY", arn)
    return arn


def trusting(registry: Registry, key: str) -> Registry:
    """The same registry as a function sees it that trusts this key."""
    der = boto3.client("kms").get_public_key(KeyId=key)["PublicKey"]
    pinned = PinnedKeys((PublicKey(der),))
    return Registry(ObjectStore(registry.store.bucket, boto3.client("s3")), verifier=pinned)


def test_what_is_promoted_is_signed_and_shown_so(registry: Registry, key: str) -> None:
    """Before: not signed. After: by whom, when, with which key, checked with the key itself."""
    assert document("show", MODEL, A.version)["signature"] == {"state": "not signed"}
    maas("promote", MODEL, A.version, "--reason", "first")
    shown = document("show", MODEL)["signature"]
    assert shown["state"] == "valid"
    assert shown["signer"]
    assert "valid, by" in maas("show", MODEL).stdout
    trusting(registry, key).manifest(MODEL, A.digest)


def test_without_a_key_nothing_is_signed_and_nothing_stops(
    registry: Registry, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry without signatures works as before; a signature found there is shown as not checked."""
    maas("promote", MODEL, A.version)
    monkeypatch.delenv("MAAS_SIGNING_KEY")
    shown = document("show", MODEL)["signature"]
    assert (shown["state"], "MAAS_SIGNING_PUBLIC_KEY" in shown["reason"]) == ("not checked", True)
    maas("promote", MODEL, B.version)
    assert signature_key(MODEL, B.digest) not in registry.store.list(f"models/{MODEL}/")
    assert key


def test_where_a_key_is_pinned_an_unsigned_version_is_not_released(
    registry: Registry, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who knows what the functions ask for is stopped before they would refuse; what is signed may go."""
    pem = maas_key(key)
    maas("promote", MODEL, A.version)
    monkeypatch.delenv("MAAS_SIGNING_KEY")
    monkeypatch.setenv("MAAS_SIGNING_PUBLIC_KEY", pem)
    refused = CliRunner().invoke(app, ["promote", MODEL, B.version])
    assert refused.exit_code == 1
    assert "not signed" in refused.stderr
    pointer = registry.production(MODEL)
    assert pointer is not None
    assert pointer.stable == A.digest
    maas("promote", MODEL, A.version)


def maas_key(key: str) -> str:
    """The public key in PEM, as the command prints it."""
    deploy(SigningKeyArn=key)
    return maas("signing-key", "--stack", STACK, "--pem").stdout


def test_the_key_to_pin_is_printed(registry: Registry, key: str) -> None:
    """In PEM and in base64, the same key; whether the functions ask for it; and what to do if not."""
    assert registry
    pem = maas_key(key)
    found = document("signing-key", "--stack", STACK)
    assert public_keys(pem) == public_keys(found["public_key"])
    assert (found["key"], found["asked_for"]) == (key, False)
    shown = maas("signing-key", "--stack", STACK).stdout
    assert f"SigningPublicKey={found['public_key']}" in shown
    deploy(SigningKeyArn=key, SigningPublicKey=f"{found['public_key']},")
    assert document("signing-key", "--stack", STACK)["asked_for"] is True
    assert "and nothing else" in maas("signing-key", "--stack", STACK).stdout
    deploy(Other="value")
    missing = CliRunner().invoke(app, ["signing-key", "--stack", STACK])
    assert missing.exit_code == 1
    assert "SigningKeyArn" in missing.stderr


def test_everything_that_was_released_can_be_signed_at_once(
    registry: Registry, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the day before signatures are asked for: production, what came before it, and what is on trial."""
    monkeypatch.delenv("MAAS_SIGNING_KEY")
    other = manifest_of(b"a", model="traffic_flow")
    unreleased = manifest_of(b"a", model=MODEL, minute=5)
    registry.publish(other, b"a")
    registry.publish(unreleased, b"a")
    for manifest in (A, B, other):
        maas("promote", manifest.model, manifest.version)
    without = CliRunner().invoke(app, ["sign"])
    assert without.exit_code == 1
    assert "MAAS_SIGNING_KEY" in without.stderr
    monkeypatch.setenv("MAAS_SIGNING_KEY", key)
    assert {row["digest"] for row in document("sign")} == {A.digest, B.digest, other.digest}
    assert "2 versions are signed" in maas("sign", MODEL).stdout
    for manifest in (A, B, other):
        trusting(registry, key).manifest(manifest.model, manifest.digest)
    assert signature_key(MODEL, unreleased.digest) not in registry.store.list(f"models/{MODEL}/")


def test_a_damaged_signature_is_shown_as_such(registry: Registry, key: str) -> None:
    """People see that it is invalid, and why; it keeps nobody from looking at the version."""
    assert key
    maas("promote", MODEL, A.version)
    place = signature_key(MODEL, A.digest)
    whole = registry.store.read(place).body
    registry.store.put(place, whole[:-1])
    assert document("show", MODEL)["signature"]["state"] == "invalid"
    registry.store.put(signature_key(MODEL, B.digest), whole)
    assert f"made for {MODEL} {A.version}" in maas("show", MODEL, B.version).stdout


def test_a_key_that_is_not_there_is_one_clear_message(
    registry: Registry, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong ARN stops the promotion with the action and the key; looking goes on."""
    assert registry
    maas("promote", MODEL, A.version)
    monkeypatch.setenv("MAAS_SIGNING_KEY", "alias/no-such-key")
    refused = CliRunner().invoke(app, ["promote", MODEL, B.version])
    assert refused.exit_code == 1
    assert "alias/no-such-key" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert document("show", MODEL)["signature"]["state"] == "not checked"
    assert key
