"""`maas bundle`: a version's files with an OpenSSF bundle that vouches for them, for people elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console, signing
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.target import JsonOption, RegistryOption, resolve
from cli.versions import chosen

if TYPE_CHECKING:
    from cli.target import Target
    from maas.signer import SigningKey

KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="A private key on P-256, in PEM; by default the stack's key in KMS."
    ),
]


def bundle(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="A model's name; not with --folder.")
    ] = None,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Production's, or the newest, where left out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write the version's files here, a new folder."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Sign what `maas train --out DIR` wrote instead."),
    ] = None,
    *,
    key: KeyOption = None,
    registry: RegistryOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a version's files and a signature in OpenSSF's format, which `model_signing verify` checks."""
    if (folder is None) == (model is None) or (out is None) != (folder is not None):
        raise typer.BadParameter("give MODEL and --out DIR, or --folder DIR alone")
    target = resolve(registry, stack=stack)
    if folder is None:
        folder = _fetched(target, str(model), version, Path(str(out)))
    written = signed(folder, key, target)
    if as_json:
        console.emit({"folder": str(folder), "bundle": str(written)})
        return
    console.say(f"signed:  {written}")
    console.say(
        f"verify:  model_signing verify key {folder} --signature {written} --public_key PUBLIC_KEY.pem"
    )


def signed(folder: Path, key: Path | None, target: "Target") -> Path:
    """Sign a folder with a key file, or with the stack's key.

    Raises:
        CommandError: There is neither.
    """
    from models.bundle import sign

    signs: Path | SigningKey | None = key or signing.signing_key(target)
    if signs is None:
        raise CommandError(
            "No key to sign with.", next_step=f"--key FILE, or a key in KMS: set {signing.KEY} to its ARN."
        )
    return sign(folder, signs)


def _fetched(target: "Target", model: str, version: str | None, folder: Path) -> Path:
    """A published version's files, as `maas train --out` writes them."""
    versions = target.registry()
    manifest, _ = chosen(versions, model, version)
    if folder.exists() and any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty: all that lies in it would be signed.")
    artifact = versions.artifact(manifest)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{model}.onnx").write_bytes(artifact)
    (folder / f"{model}.json").write_bytes(manifest.to_json())
    for blob in manifest.blobs[1:]:
        data = blob.verify(versions.store.read(blob.key).body)
        (folder / f"{model}.{blob.digest[:12]}").write_bytes(data)
    return folder
