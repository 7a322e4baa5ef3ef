"""The versions that a process holds: production's and the canary's, and those that were asked for by name."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from maas.contract import Contract
from maas.errors import IntegrityError, MaasError, NoProductionVersion
from maas.pointer import Canary
from maas.registry import Registry
from maas.serving import Served, load
from maas.traffic import Traffic, Trial

_RETRY_BROKEN_SECONDS = 60.0  # broken bytes stay broken, but a transfer may have broken them
_KEPT_VERSIONS = 2  # beside those that the pointer names, for callers that name a version


class Shelf:
    """The versions of one model that this process holds, the one in production first among them.

    The production pointer is read again after `refresh_seconds`. When the registry is silent, or the
    version it names is broken, the last good version goes on serving and `report` is told why. A canary
    that is broken leaves its share to the version in production.

    Args:
        model: The model's name.
        contract: The contract every version must fit.
        registry: Makes the registry's client at first use.
        threads: Threads per inference.
        refresh_seconds: How long the pointer is trusted.
        report: Told each failure to follow the pointer.
        loaded: Told each version that was loaded and checked.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        model: str,
        contract: Contract[Any, Any],
        registry: Callable[[], Registry],
        *,
        threads: int,
        refresh_seconds: float,
        report: Callable[[MaasError], None],
        loaded: Callable[[Served], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._contract = contract
        self._make_registry = registry
        self._registry: Registry | None = None
        self._threads = threads
        self._refresh_seconds = refresh_seconds
        self._report = report
        self._loaded = loaded
        self._clock = clock
        self._stable: Served | None = None
        self._trial: Trial | None = None
        self._shadow: str | None = None
        self._look_again_at = float("-inf")
        self._refused: dict[str, tuple[IntegrityError, float]] = {}  # by digest: why, until when
        self._held: OrderedDict[str, Served] = OrderedDict()  # by digest, used last at the end

    @property
    def registry(self) -> Registry:
        """The registry, its client made at first use."""
        if self._registry is None:
            self._registry = self._make_registry()
        return self._registry

    def traffic(self) -> Traffic:
        """Who answers requests in which no version is named.

        Raises:
            NoProductionVersion: None was promoted yet.
            RegistryUnavailable, IntegrityError: It cannot be loaded, and no earlier one is held.
        """
        if self._stable is None or self._clock() >= self._look_again_at:
            try:
                self._follow_pointer()
            except MaasError as error:
                if self._stable is None:
                    raise
                self._report(error)
            self._look_again_at = self._clock() + self._refresh_seconds
        assert self._stable is not None  # noqa: S101 -- or the line above has raised
        return Traffic(self._stable, self._trial, self._shadow)

    def production(self) -> Served:
        """The version in production; errors as in `traffic`."""
        return self.traffic().stable

    def version(self, version: str) -> Served:
        """The version that `version`, a digest or the first 8 or more digits of one, names.

        Raises:
            VersionNotFound: There is none, or more than one.
        """
        held = [served for digest, served in self._held.items() if digest.startswith(version)]
        found = len(version) >= len("12345678") and len(held) == 1
        served = held[0] if found else self.load(version)
        self._held[served.manifest.digest] = served
        self._held.move_to_end(served.manifest.digest)
        self._let_go()
        return served

    def restored(self) -> None:
        """Forget what a snapshot must not carry over: the connection, and trust in the pointer."""
        self._look_again_at = float("-inf")
        self._registry = None
        self._refused = {}

    def _follow_pointer(self) -> None:
        pointer = self.registry.production(self._model)
        if pointer is None:
            raise NoProductionVersion(
                f"{self._model} has no version in production yet: publish one, then `maas promote` it."
            )
        self._refused = {
            digest: why
            for digest, why in self._refused.items()
            if digest in {pointer.stable, *pointer.trials} and self._clock() < why[1]
        }
        # Trials start and end even where the version in production cannot be loaded.
        self._shadow = pointer.shadow
        self._trial = self._tried(pointer.canary) if pointer.canary else None
        try:
            stable = self._named(pointer.stable)
            if self._stable is not None:
                self._held.move_to_end(self._stable.manifest.digest)  # a rollback will ask for it
            self._stable = stable
        finally:
            self._let_go()

    def _tried(self, canary: Canary) -> Trial:
        try:
            return Trial(canary, self._named(canary.manifest))
        except MaasError as error:
            return Trial(canary, error)

    def _named(self, digest: str) -> Served:
        """A version that the pointer names; what is broken is not read again and again."""
        if digest in self._held:
            return self._held[digest]
        if digest in self._refused:
            # An error that is raised again and again would collect its traces.
            raise self._refused[digest][0].with_traceback(None)
        try:
            served = self.load(digest)
        except IntegrityError as error:
            self._refused[digest] = (error, self._clock() + _RETRY_BROKEN_SECONDS)
            raise
        self._held[digest] = served
        return served

    def load(self, version: str) -> Served:
        """A version from the registry that is not kept here; for any thread.

        Raises:
            VersionNotFound: There is none, or more than one.
            IntegrityError: It may not serve.
        """
        manifest = self.registry.manifest(self._model, version)
        served = load(self.registry, manifest, self._contract, threads=self._threads, clock=self._clock)
        self._loaded(served)
        return served

    def _let_go(self) -> None:
        """Drop what the pointer does not name, but for what was asked for last."""
        serving = (self._stable, self._trial and self._trial.served)
        kept = {served.manifest.digest for served in serving if isinstance(served, Served)}
        for digest in [digest for digest in self._held if digest not in kept][:-_KEPT_VERSIONS]:
            del self._held[digest]
