"""Whether the gate's decision about a version lets it be released now.

Who trains writes the decision, so it is not taken at its word: every check is made again from its figures,
these have to be the manifest's, and none may be missing. That the figures on the held-out rows are true, only
who trained can know.
"""

from collections.abc import Callable, Iterator

from maas.errors import GateRefused
from maas.judgement import (
    BASELINE,
    GOLDEN,
    LATENCY,
    PARITY,
    PRODUCTION,
    SIZE,
    SLOWER,
    Check,
    Gate,
    megabytes,
    objection,
)
from maas.manifest import VERSION_LENGTH, Manifest
from maas.pointer import Pointer

type Find = Callable[[str, str], Manifest]


def admit(manifest: Manifest, production: Pointer | None, find: Find) -> None:
    """Return where the gate let the version pass, in comparison with what is in production now.

    Args:
        manifest: Of the version.
        production: The pointer now.
        find: Gives the manifest of a model's version. Asked for the one in production, where no figures say
            that both were compared.

    Raises:
        GateRefused: It did not, or it was never asked, or it compared with another version, or the figures of
            its decision contradict it.
    """
    name, gate = f"{manifest.model} {manifest.version}", manifest.gate
    if gate is None:
        raise GateRefused(f"{name} was never judged: train it again")
    if gate.objections:
        raise GateRefused(f"{name} is refused: {gate.reason}")
    stable = production.stable if production else None
    if gate.production != stable:
        before, now = (_named(digest) for digest in (gate.production, stable))
        raise GateRefused(f"{name} was compared with {before}, but {now} is in production: train it again")
    if doubts := "; ".join(_doubts(manifest, gate, find)):
        raise GateRefused(f"{name} is said to have passed, which its figures do not bear out: {doubts}")


def _doubts(manifest: Manifest, gate: Gate, find: Find) -> Iterator[str]:
    yield from map(objection, gate.contradictions)
    scores = [score for score in manifest.metrics if gate.check(f"{score}{BASELINE}")]
    if len(scores) != 1:
        yield f"{len(scores)} checks against the baseline"
        return
    [score] = scores
    expected = {
        f"{score}{BASELINE}": (manifest.metrics[score], manifest.baseline.metrics.get(score)),
        PARITY: (manifest.parity.max_abs_difference, manifest.parity.tolerance),
    }
    for name in (*expected, GOLDEN, SIZE, LATENCY, f"{score}{PRODUCTION}"):
        check = gate.check(name)
        if check is None:
            yield f"{name}: missing"
        elif name in expected and (check.value, check.limit) != expected[name]:
            yield f"{name}: not the manifest's figures"
        elif name in {SIZE, LATENCY} and not _has_figures(check):
            yield f"{name}: no figures"
        elif name == SIZE and not _is_within(manifest, check):
            yield f"{name}: not the artifact's"
    if gate.production is not None and not _is_compared(gate, score):
        yield from _unexcused(manifest, find(manifest.model, gate.production), score)


def _unexcused(manifest: Manifest, stable: Manifest, score: str) -> Iterator[str]:
    """Two versions for one contract, both with that score, are compared."""
    contracts = [(one.feature_names, one.inputs, one.outputs) for one in (manifest, stable)]
    if contracts[0] == contracts[1] and score in stable.metrics:
        yield f"{score}{PRODUCTION}: not compared with {stable.version}, which it could be"


def _is_compared(gate: Gate, score: str) -> bool:
    return all(
        check is not None and _has_figures(check)
        for check in (gate.check(f"{score}{PRODUCTION}"), gate.check(SLOWER))
    )


def _is_within(manifest: Manifest, check: Check) -> bool:
    # Weights of their own are aligned: both together are larger than the file that was judged.
    if manifest.weights is not None:
        return True
    return megabytes(manifest.artifact.size) <= (check.limit or 0)


def _has_figures(check: Check) -> bool:
    return check.value is not None and check.limit is not None


def _named(digest: str | None) -> str:
    return digest[:VERSION_LENGTH] if digest else "nothing"
