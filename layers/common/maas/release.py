"""The steps of a release: where the pointer is to go from where it stands. Nothing is read or written here.

    promote    a version becomes stable, all at once; what was stable becomes what a rollback returns to
    canary     a version answers a share of the requests; again: another share
    shadow     a version computes the same answers, which nobody gets
    withdraw   canary and shadow end, stable goes on alone
    rollback   stable becomes what it was before; a canary that runs is withdrawn instead

Each gives the pointer itself where it stands there already.
"""

from typing import NamedTuple

from maas.errors import Conflict, InvalidRequest
from maas.pointer import Action, Canary, Move, Pointer

_MOST = 99  # percent; more is a promotion


class Step(NamedTuple):
    """The part of the next pointer that a step decides."""

    action: Action
    stable: str
    previous: str | None = None
    previous_seq: int | None = None
    canary: Canary | None = None
    shadow: str | None = None


def promoted(current: Pointer | None, digest: str) -> Step | Pointer:
    """`digest` in production. Its own trial ends with that; that of another version goes on."""
    if current is None:
        return Step("promote", digest)
    if current.stable == digest:
        return current
    return Step("promote", digest, current.stable, current.seq, *_trials_without(current, digest))


def canaried(current: Pointer | None, digest: str, weight: int) -> Step | Pointer:
    """`digest` answers `weight` percent.

    Raises:
        InvalidRequest: `weight` is not a share.
        Conflict: nothing is in production, `digest` is, or another canary runs.
    """
    if not 1 <= weight <= _MOST:
        raise InvalidRequest(f"A canary answers 1 to {_MOST} percent of the requests, not {weight}")
    current = _in_production(current, digest)
    if current.canary and current.canary.manifest != digest:
        raise Conflict(
            f"{current.canary.version} is the canary of {current.model}: promote it or withdraw it first"
        )
    canary = Canary(manifest=digest, weight=weight)
    if current.canary == canary:
        return current
    return _beside(current, "canary", canary, None if current.shadow == digest else current.shadow)


def shadowed(current: Pointer | None, digest: str | None) -> Step | Pointer:
    """`digest` computes along; None: no version does.

    Raises:
        Conflict: nothing is in production, or `digest` answers requests itself.
    """
    current = _in_production(current, digest)
    if current.shadow == digest:
        return current
    if current.canary and current.canary.manifest == digest:
        raise Conflict(f"{current.canary.version} is the canary of {current.model}: it answers by itself")
    return _beside(current, "shadow", current.canary, digest)


def withdrawn(current: Pointer | None) -> Step | Pointer:
    """Stable alone.

    Raises:
        Conflict: nothing is in production.
    """
    current = _in_production(current, None)
    return alone(current) if current.trials else current


def alone(current: Pointer) -> Step:
    """Stable without its trials."""
    return _beside(current, "withdraw", None, None)


def rolled_back(current: Pointer, target: Move) -> Step:
    """What `target`, the move below the current one, had in production; and below it what was below then."""
    trials = _trials_without(current, target.stable)
    return Step("rollback", target.stable, target.previous, target.previous_seq, *trials)


def _in_production(current: Pointer | None, digest: str | None) -> Pointer:
    if current is None:
        raise Conflict("Nothing is in production to compare with: promote a version first")
    if current.stable == digest:
        raise Conflict(f"{current.version} is in production already: it answers every request")
    return current


def _beside(current: Pointer, action: Action, canary: Canary | None, shadow: str | None) -> Step:
    """Other trials beside the same stable version: the stack of rollbacks stays what it is."""
    return Step(action, current.stable, current.previous, current.previous_seq, canary, shadow)


def _trials_without(current: Pointer, digest: str) -> tuple[Canary | None, str | None]:
    canary = None if current.canary and current.canary.manifest == digest else current.canary
    return canary, None if current.shadow == digest else current.shadow
