"""OpenSSF bundles: what is written here is verified by the package's own command, and tampering shows."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import verifying
from typer.testing import CliRunner

from cli.main import app
from maas.errors import ConfigurationError
from maas.registry import Registry
from maas.signer import KmsKey, kms_client
from models.bundle import sign
from tests.manifests import manifest_of
from tests.signing_keys import LocalKey

VERIFY = Path(sys.executable).with_name("model_signing")
MODEL = "traffic_flow"
ARTIFACT = b"a network"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version's two files, as `maas train --out` writes them."""
    made = tmp_path / "version"
    made.mkdir()
    (made / f"{MODEL}.onnx").write_bytes(ARTIFACT)
    (made / f"{MODEL}.json").write_bytes(manifest_of(ARTIFACT).to_json())
    return made


@pytest.fixture
def key(tmp_path: Path) -> LocalKey:
    """A trainer's key, its halves in two files."""
    key = LocalKey()
    (tmp_path / "trainer.pem").write_bytes(key.private_pem)
    (tmp_path / "trainer.pub").write_text(key.pem)
    return key


def command(folder: Path, public_key: Path) -> subprocess.CompletedProcess[str]:
    """The package's own command, as anybody would run it."""
    arguments = ["--signature", str(folder / "model.sig"), "--public_key", str(public_key)]
    return subprocess.run(
        [str(VERIFY), "verify", "key", str(folder), *arguments], capture_output=True, text=True, check=False
    )


def verify(folder: Path, public_key: Path) -> None:
    """The same in this process, which is quicker."""
    verifying.Config().use_elliptic_key_verifier(public_key=public_key).verify(folder, folder / "model.sig")


def test_the_stock_command_verifies_it_and_notices_tampering(
    folder: Path, tmp_path: Path, key: LocalKey
) -> None:
    """Signed with a key file; then one byte of the network is another one."""
    assert key
    assert sign(folder, tmp_path / "trainer.pem") == folder / "model.sig"
    good = command(folder, tmp_path / "trainer.pub")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "succeeded" in good.stdout + good.stderr
    (folder / f"{MODEL}.onnx").write_bytes(ARTIFACT[:-1] + b"K")
    bad = command(folder, tmp_path / "trainer.pub")
    assert bad.returncode != 0
    assert f"{MODEL}.onnx" in bad.stdout + bad.stderr


@pytest.mark.parametrize("tampering", ["manifest", "another file", "a file less", "bundle", "another key"])
def test_other_tampering_is_noticed(folder: Path, tmp_path: Path, key: LocalKey, tampering: str) -> None:
    """Every file counts, none may be added or missing, and only this key counts."""
    assert key
    sign(folder, tmp_path / "trainer.pem")
    verify(folder, tmp_path / "trainer.pub")
    match tampering:
        case "manifest":
            (folder / f"{MODEL}.json").write_bytes(manifest_of(ARTIFACT, minute=1).to_json())
        case "another file":
            (folder / "more.py").write_text("import os\n")
        case "a file less":
            (folder / f"{MODEL}.json").unlink()
        case "bundle":
            document = json.loads((folder / "model.sig").read_text())
            document["dsseEnvelope"]["payload"] = document["dsseEnvelope"]["payload"][::-1]
            (folder / "model.sig").write_text(json.dumps(document))
        case "another key":
            (tmp_path / "trainer.pub").write_text(LocalKey().pem)
    with pytest.raises(Exception, match=r".") as refused:
        verify(folder, tmp_path / "trainer.pub")
    assert not isinstance(refused.value, FileNotFoundError)


def test_a_key_in_kms_signs_too(folder: Path, tmp_path: Path, aws: None) -> None:  # noqa: ARG001
    """The private half stays in KMS; the bundle is of the same kind."""
    kms = boto3.client("kms")
    made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    key = KmsKey(made["Arn"], lambda: kms_client(region_name="us-east-1"))
    sign(folder, key)
    (tmp_path / "trainer.pub").write_text(key.public_key.pem)
    verify(folder, tmp_path / "trainer.pub")
    (folder / f"{MODEL}.onnx").write_bytes(b"another")
    with pytest.raises(ValueError, match=MODEL):
        verify(folder, tmp_path / "trainer.pub")


def test_a_published_version_becomes_a_signed_folder(
    registry: Registry, tmp_path: Path, key: LocalKey
) -> None:
    """`maas bundle` fetches it; a folder that holds something else already is left alone."""
    assert key
    version = registry.publish(manifest_of(ARTIFACT), ARTIFACT)
    out = tmp_path / "out"
    arguments = ["bundle", MODEL, version, "--out", str(out), "--key", str(tmp_path / "trainer.pem")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "model_signing verify key" in done.stdout
    assert sorted(path.name for path in out.iterdir()) == ["model.sig", f"{MODEL}.json", f"{MODEL}.onnx"]
    verify(out, tmp_path / "trainer.pub")
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "not empty" in again.stderr


def test_what_training_wrote_is_signed(folder: Path, tmp_path: Path, key: LocalKey) -> None:
    """`maas bundle --folder` signs it where it lies."""
    assert key
    pem = str(tmp_path / "trainer.pem")
    done = CliRunner().invoke(app, ["bundle", "--folder", str(folder), "--key", pem, "--json"])
    assert json.loads(done.stdout)["bundle"] == str(folder / "model.sig")
    verify(folder, tmp_path / "trainer.pub")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [MODEL],
        [MODEL, "--folder", "x"],
        ["--folder", "x", "--out", "y"],
        [MODEL, "--out", "x", "--folder", "y"],
    ],
)
def test_what_to_sign_is_one_thing(arguments: list[str]) -> None:
    """A model to fetch or a folder to sign; both, or neither, is wrong usage."""
    assert CliRunner().invoke(app, ["bundle", *arguments]).exit_code == 2


def _p384() -> bytes:
    return LocalKey(ec.SECP384R1()).private_pem


@pytest.mark.parametrize("content", [b"", b"no key", LocalKey().pem.encode(), _p384(), None])
def test_a_file_without_a_usable_key_is_refused(folder: Path, tmp_path: Path, content: bytes | None) -> None:
    """Nothing, a public key, another curve, no file: refused with the file's name, and nothing is written."""
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"key\.pem"):
        sign(folder, path)
    assert not (folder / "model.sig").exists()


def test_nothing_is_not_signed(tmp_path: Path, key: LocalKey) -> None:
    """An empty or missing folder has nothing to vouch for."""
    nowhere: Any = tmp_path / "nowhere"
    for place in (nowhere, tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ConfigurationError, match="nothing to sign"):
            sign(place, key)
