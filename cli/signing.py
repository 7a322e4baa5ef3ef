"""Who signs and whose signatures count: for the commands that release, and `maas signing-key`."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console, deployment
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.target import JsonOption, RegistryOption, resolve

if TYPE_CHECKING:
    from cli.target import Target
    from maas.manifest import Manifest
    from maas.registry import Signer
    from maas.signature import PinnedKeys
    from maas.signer import KmsKey
    from maas.store import ObjectStore

KEY, PUBLIC_KEY = "MAAS_SIGNING_KEY", "MAAS_SIGNING_PUBLIC_KEY"


@dataclass(frozen=True)
class _SignedAlready:
    """In a signer's place where keys are pinned and none is at hand: releases only what is signed."""

    pinned: "PinnedKeys"

    def sign(self, store: "ObjectStore", manifest: "Manifest") -> None:
        """Return where there is nothing left to sign; an IntegrityError otherwise."""
        self.pinned.verify(store, manifest)


def signer(target: "Target") -> "Signer | None":
    """What signs the versions that are released on this stack; None where nothing does.

    A stack names its key itself; where only its registry was named, the environment does (MAAS_SIGNING_KEY),
    which also comes before what a deployed stack says.
    """
    from cli.release import actor
    from maas.signer import Signer

    trusted, key = pinned(target), signing_key(target)
    if key is not None:
        return Signer(key, name=actor(), pinned=trusted)
    return _SignedAlready(trusted) if trusted else None


def signing_key(target: "Target") -> "KmsKey | None":
    """The key in KMS that signs on this stack."""
    from maas.signer import KmsKey

    stack = target.stack
    if stack is None:
        name = os.environ.get(KEY) or target.outputs.get("SigningKeyArn")
        return KmsKey(name) if name else None
    arn = target.outputs.get("SigningKeyArn")
    return KmsKey(arn, lambda: stack.client("kms")) if arn else None


def pinned(target: "Target") -> "PinnedKeys | None":
    """The public keys that the stack's functions ask for, as far as that is known here."""
    from maas.signature import PinnedKeys

    own = os.environ.get(PUBLIC_KEY) if target.stack is None else None
    return PinnedKeys.of(own or target.outputs.get("SigningPublicKey", ""))


def state(target: "Target", manifest: "Manifest") -> dict[str, Any]:
    """Whether a version is signed, by whom, and whether that counts on this stack."""
    from maas.errors import MaasError, SignatureInvalid, SignatureMissing
    from maas.signature import PinnedKeys, read_signature

    try:
        found = read_signature(target.registry().store, manifest)
    except SignatureMissing:
        return {"state": "not signed"}
    except SignatureInvalid as error:
        return {"state": "invalid", "reason": error.detail}
    about = {"signer": found.signer, "signed": found.signed, "fingerprint": found.fingerprint}
    trusted = pinned(target)
    if trusted is None:
        try:
            key = signing_key(target)
            trusted = PinnedKeys((key.public_key,)) if key else None
        except MaasError:  # reading about a version must not need the permission to ask KMS
            trusted = None
    if trusted is None:
        return {"state": "not checked", **about, "reason": f"no key is known here: set {PUBLIC_KEY}"}
    try:
        trusted.check(found, manifest)
    except SignatureInvalid as error:
        return {"state": "invalid", **about, "reason": error.detail}
    return {"state": "valid", **about}


def described(found: dict[str, Any]) -> str:
    """`state`, in a line."""
    if "signer" not in found:
        return ": ".join([found["state"], *([found["reason"]] if "reason" in found else [])])
    line = (
        f"{found['state']}, by {found['signer']}, {found['signed']:%Y-%m-%d %H:%M} UTC, "
        f"key {found['fingerprint'][:12]}"
    )
    return f"{line}: {found['reason']}" if "reason" in found else line


def sign(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="One model; by default all of them.")
    ] = None,
    registry: RegistryOption = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Sign every version that was ever released: before signatures are asked for, or with a new key.

    Versions released from now on are signed when they are promoted.
    """
    target = resolve(registry, stack=stack)
    versions, signs = target.registry(), signer(target)
    if signs is None or signing_key(target) is None:
        raise CommandError(
            "No key to sign with.", next_step=f"name the stack (--stack), or set {KEY} to the ARN of its key."
        )
    rows = []
    for name in [model] if model else versions.models():
        moves = versions.history(name)
        digests = {move.stable for move in moves} | {trial for move in moves for trial in move.trials}
        for digest in sorted(digests):
            manifest = versions.manifest(name, digest)
            for blob in manifest.blobs:
                versions.blob(blob)  # nothing is vouched for that is not whole
            signs.sign(versions.store, manifest)
            rows.append({"model": name, "version": manifest.version, "digest": digest})
    if as_json:
        console.emit(rows)
        return
    console.table(["model", "version"], [(row["model"], row["version"]) for row in rows])
    console.say(f"{len(rows)} versions are signed.")


def show_key(
    stack: StackOption = None,
    *,
    pem: Annotated[bool, typer.Option("--pem", help="Print the public key in PEM and nothing else.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the key that signs what a stack releases, and how its functions come to ask for it."""
    from maas.signature import PinnedKeys
    from maas.signer import KmsKey

    found = deployment.find(stack)
    arn = found.output("SigningKeyArn")
    public = KmsKey(arn, lambda: found.client("kms")).public_key
    trusted = PinnedKeys.of(found.outputs.get("SigningPublicKey", ""))
    asked_for = trusted is not None and public in trusted
    if pem:
        typer.echo(public.pem, nl=False)
        return
    document = {
        "key": arn,
        "fingerprint": public.fingerprint,
        "public_key": public.base64,
        "asked_for": asked_for,
    }
    if as_json:
        console.emit(document)
        return
    for name, value in (("key", arn), ("sha256", public.fingerprint), ("public", public.base64)):
        console.say(f"  {name:<7} {value}")
    if asked_for:
        console.say("The stack's functions use what this key has signed, and nothing else.")
        return
    console.say("The stack's functions do not ask for this key's signatures.", style="yellow")
    console.say(f'next:  "SigningPublicKey={public.base64}" among parameter_overrides in samconfig.toml')
    console.remark("and `make deploy`; before it `maas sign` signs what is in production.")
