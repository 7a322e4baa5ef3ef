"""Whether the gate's decision about a version lets it be released now."""

from maas.errors import GateRefused
from maas.manifest import VERSION_LENGTH, Manifest
from maas.pointer import Pointer


def admit(manifest: Manifest, production: Pointer | None) -> None:
    """Return where the gate let the version pass, in comparison with what is in production now.

    Raises:
        GateRefused: It did not, or it was never asked, or it compared with another version.
    """
    gate = manifest.gate
    if gate is None:
        raise GateRefused(f"{manifest.model} {manifest.version} was never judged: train it again")
    if gate.objections:
        raise GateRefused(f"{manifest.model} {manifest.version} is refused: {gate.reason}")
    stable = production.stable if production else None
    if gate.production != stable:
        before, now = (_named(digest) for digest in (gate.production, stable))
        raise GateRefused(
            f"{manifest.model} {manifest.version} was compared with {before}, but {now} is in production: "
            "train it again"
        )


def _named(digest: str | None) -> str:
    return digest[:VERSION_LENGTH] if digest else "nothing"
