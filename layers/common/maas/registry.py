"""The registry: versions of models in one S3 bucket, which of them is in production, and which on trial.

    blobs/sha256/<digest>                    artifacts, immutable
    models/<model>/manifests/<digest>.json   versions, immutable
    models/<model>/production.json           the pointer, moved only by compare-and-swap
    models/<model>/history/<seq>.json        one entry per move, immutable

What holds at every moment, whatever crashes: a manifest's artifact was stored before it, the pointer names
versions that were read back and verified, and every move before the current one is in the history.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from maas.condemned import refuse_condemned
from maas.errors import Conflict, IntegrityError, PointerMoved
from maas.manifest import Manifest
from maas.pointer import Move, Pointer
from maas.pointer_store import PointerStore, Seen
from maas.release import Step, alone, canaried, promoted, rolled_back, shadowed, withdrawn
from maas.store import ObjectStore
from maas.versions import Verifier, Versions

# Without expected_seq a move that others overtook is repeated this often.
_ATTEMPTS = 8


def _now() -> datetime:
    return datetime.now(UTC)


class Signer(Protocol):
    """Vouches for a version before it is released."""

    def sign(self, store: ObjectStore, manifest: Manifest) -> None:
        """Put the signature where the verifier looks for it."""


class Registry(Versions):
    """Versions, and the moves that release them; every method may raise what ObjectStore raises.

    Args:
        store: The bucket.
        clock: Gives the time of a move.
        verifier: Asked before a manifest is handed out; the default trusts the bucket.
        signer: Signs a version before it is promoted, made canary or shadow; the default signs nothing.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        clock: Callable[[], datetime] = _now,
        verifier: Verifier | None = None,
        signer: Signer | None = None,
    ) -> None:
        super().__init__(store, verifier=verifier)
        self._signer = signer
        self._pointers = PointerStore(store, clock)

    def production(self, model: str) -> Pointer | None:
        """The pointer; None before the first promotion.

        Raises:
            IntegrityError: the stored pointer is torn or was edited by hand.
        """
        return self._pointers.read(model).pointer

    def promote(
        self, model: str, version: str, *, actor: str, reason: str, expected_seq: int | None = None
    ) -> Pointer:
        """Put `version` into production; nothing moves when it is there already.

        A trial of `version` ends with that: to promote the canary is to widen it to every request. Another
        version's canary or shadow goes on beside it.

        With `expected_seq` (0: nothing in production yet) a move holds only for the pointer the caller saw.
        Without it the move is repeated on whatever pointer it meets. So it is with every move but rollback.

        Raises:
            PointerMoved: the pointer is not at `expected_seq`, or others keep moving it.
            ModelNotFound, VersionNotFound, IntegrityError: no such version, or damaged; nothing moved.
            RegistryUnavailable: also when S3 went silent during the move, which may have happened or not.
        """
        digest = self.releasable(model, version)
        return self._move(model, lambda current: promoted(current, digest), actor, reason, expected_seq)

    def canary(
        self,
        model: str,
        version: str,
        weight: int,
        *,
        actor: str,
        reason: str,
        expected_seq: int | None = None,
    ) -> Pointer:
        """Let `version` answer `weight` (1 to 99) percent of the requests; again: another share.

        Who widens a canary step by step passes `expected_seq`: else a canary that an alarm has withdrawn
        meanwhile starts again.

        Raises:
            Conflict: nothing is in production, `version` is, or another version is the canary.
            InvalidRequest: no such share.
            As `promote` besides.
        """
        digest = self.releasable(model, version)
        return self._move(
            model, lambda current: canaried(current, digest, weight), actor, reason, expected_seq
        )

    def shadow(
        self, model: str, version: str | None, *, actor: str, reason: str, expected_seq: int | None = None
    ) -> Pointer:
        """Let `version` compute the answers of every request unseen; None ends it.

        Raises:
            Conflict: nothing is in production, or `version` answers requests itself.
            As `promote` besides.
        """
        digest = None if version is None else self.releasable(model, version)
        return self._move(model, lambda current: shadowed(current, digest), actor, reason, expected_seq)

    def withdraw(self, model: str, *, actor: str, reason: str, expected_seq: int | None = None) -> Pointer:
        """End canary and shadow: stable answers alone. Nothing moves when it does already.

        The answer is to be looked at: who was overtaken by the canary's promotion finds it as `stable`.

        Raises:
            Conflict: nothing is in production.
            PointerMoved, RegistryUnavailable, IntegrityError: as with `promote`.
        """
        return self._move(model, withdrawn, actor, reason, expected_seq)

    def rollback(self, model: str, *, actor: str, reason: str, expected_seq: int | None = None) -> Pointer:
        """Withdraw the canary if one runs; else return to the version in production before; again: further.

        Raises:
            Conflict: nothing to return to.
            PointerMoved: the pointer is not at `expected_seq`, or somebody moved it just now.
            VersionNotFound, IntegrityError: the earlier version is missing or damaged; nothing moved.
            RegistryUnavailable: also when S3 went silent during the move, which may have happened or not.
                Repeating could go back twice: pass the `expected_seq` that was seen at first.
        """
        seen = self._seen(model, expected_seq)
        return self._pointers.move(model, seen, self._back(model, seen.pointer), actor=actor, reason=reason)

    def history(self, model: str) -> list[Move]:
        """Every move of the production pointer, newest first; empty before the first promotion."""
        return self._pointers.history(model)

    def releasable(self, model: str, version: str) -> str:
        """The digest of a version that is whole, manifest and artifact; signed where there is a signer.

        Every move begins with it. Who has a version tried before the move begins with it too: a function that
        checks signatures serves nothing unsigned.

        Raises:
            As `promote`.
        """
        manifest = self._found(model, version)
        self._check(manifest)
        refuse_condemned(self.store, manifest)
        if self._signer is not None:
            self._signer.sign(self.store, manifest)
        return self._verified(manifest).digest

    def _move(
        self,
        model: str,
        step: Callable[[Pointer | None], Step | Pointer],
        actor: str,
        reason: str,
        expected_seq: int | None,
    ) -> Pointer:
        for _ in range(1 if expected_seq is not None else _ATTEMPTS):
            seen = self._seen(model, expected_seq)
            to = step(seen.pointer)
            if isinstance(to, Pointer):
                return to
            try:
                return self._pointers.move(model, seen, to, actor=actor, reason=reason)
            except PointerMoved as error:
                overtaken = error
        raise overtaken

    def _back(self, model: str, current: Pointer | None) -> Step:
        if current is not None and current.canary is not None:
            return alone(current)
        if current is None or current.previous is None or current.previous_seq is None:
            raise Conflict(f"{model} has no earlier version to return to: promote one by name")
        self._check(self.manifest(model, current.previous))
        target = self._pointers.entry(model, current.previous_seq)
        if target.stable != current.previous:
            raise IntegrityError(f"The history of {model} contradicts its pointer: promote a version by name")
        return rolled_back(current, target)

    def _check(self, manifest: Manifest) -> None:
        for blob in manifest.blobs:
            self._blobs.check(blob)

    def _seen(self, model: str, expected_seq: int | None) -> Seen:
        seen = self._pointers.read(model)
        seq = seen.pointer.seq if seen.pointer else 0
        if expected_seq is not None and seq != expected_seq:
            raise PointerMoved(f"The production pointer of {model} is at move {seq}, not at {expected_seq}")
        return seen
