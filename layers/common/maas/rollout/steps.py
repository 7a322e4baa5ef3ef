"""The steps of the release state machine: each takes the release as it stands and gives it back, a step on.

What a release is travels through the state machine as one JSON document; `next` in it says where to go. Every
step may be repeated: one that was done before finds that, and says the same again.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from maas.errors import BrokenArtifact, Conflict, GateRefused, InvalidRequest, PointerMoved
from maas.manifest import VERSION_LENGTH
from maas.pointer import Pointer
from maas.registry import Registry
from maas.rollout.admission import admit
from maas.rollout.plan import SIMULATED, Plan, Release, receipt_key
from maas.rollout.trial import Metrics
from maas.runtime import Session
from maas.versions import Versions

_ACTOR = "release"
_KNOWN = {"model", "data", "seed", "version", "reason"}
_ATTEMPTS = 5


class Steps:
    """All steps.

    Args:
        registry: With the right to sign and to move pointers.
        plan: How canaries grow.
        metrics: What canaries are watched by.
        is_ready: Asks the model's own function whether it can serve a version, which it loads and tries.
        simulated: Whether versions that were trained with simulated data may be released.
        clock: The time.
    """

    def __init__(
        self,
        registry: Registry,
        plan: Plan,
        metrics: Metrics,
        is_ready: Callable[[str, str], bool],
        *,
        simulated: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._registry = registry
        # Without a verifier: a version is signed when it is released, which is what these steps decide about.
        self._versions = Versions(registry.store)
        self._plan = plan
        self._metrics = metrics
        self._is_ready = is_ready
        self._simulated = simulated
        self._clock = clock

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take the step that `event` names.

        Raises:
            InvalidRequest: There is no such step, or what it is to work on cannot be read.
        """
        step = event.get("step")
        if step == "begin":
            return self.begin(event.get("input"), str(event.get("run", ""))).model_dump(mode="json")
        for one in (self.evaluate, self.gate, self.canary, self.watch, self.widen, self.withdraw):
            if one.__name__ == step:
                return one(Release.parse(event.get("release"))).model_dump(mode="json")
        raise InvalidRequest(f"{step!r} is no step of a release")

    def begin(self, given: Any, run: str) -> Release:
        """Read what an execution was started with: the model, and its data or a version that exists."""
        if not isinstance(given, dict) or not given.keys() <= _KNOWN:
            raise InvalidRequest(f"An execution is started with an object of {', '.join(sorted(_KNOWN))}")
        version = given.get("version")
        if version:
            version = self._versions.manifest(given.get("model", ""), version).digest
        release = Release.begin({**given, "version": version or None}, run, self._plan.pause)
        if not (version or self._simulated) and release.data == SIMULATED:
            raise InvalidRequest("Without `data` a version would be trained that is not released")
        return release.to("evaluate" if version else "train")

    def evaluate(self, release: Release) -> Release:
        """Find what the job has published, read it back, and open it in the runtime that is to serve it."""
        version = release.version or self._published(release)
        manifest = self._versions.manifest(release.model, version)
        graph, width = self._versions.artifact(manifest), len(manifest.feature_names)
        # Weights of their own are large: only the model's own function has room for them, and is asked later.
        if manifest.weights is None:
            session = Session(graph)
            if session.width not in {None, width}:
                raise BrokenArtifact(f"{manifest.version} takes {session.width} features, not {width}")
            session.run(np.zeros((1, width), np.float32))
        return release.to("gate", version=manifest.digest)

    def gate(self, release: Release) -> Release:
        """Ask for the gate's decision, and whether it still holds for what is in production now."""
        pointer = self._registry.production(release.model)
        if pointer is not None and pointer.canary is not None:
            reason = f"{pointer.canary.version} is the canary of {release.model} already"
            return release.to("refuse", reason=reason)
        if pointer is None or pointer.stable != release.version:
            manifest = self._versions.manifest(release.model, release.digest)
            if manifest.data.simulated and not self._simulated:
                reason = f"{release.short} was trained with simulated data: it has seen nothing real"
                return release.to("refuse", reason=reason)
            # An alarm that is raised already would raise no event about this canary.
            if pointer is not None and (alarms := self._metrics.in_alarm(release.model)):
                return release.to("refuse", reason=f"in alarm before it began: {', '.join(alarms)}")
            try:
                admit(manifest, pointer, self._versions.manifest)
            except GateRefused as error:
                return release.to("refuse", reason=error.detail)
        return release.to("canary", seq=pointer.seq if pointer else 0)

    def canary(self, release: Release) -> Release:
        """Give the version its first share of the requests, or all of them where nothing answers yet.

        Before that its function loads it and replays its golden samples: what cannot serve moves nothing.
        """
        self._registry.releasable(release.model, release.digest)
        if self._is_ready(release.model, release.digest):
            return self._move(release, self._plan.after(0) if release.seq else None)
        pointer = self._registry.production(release.model)
        canary = pointer.canary.manifest if pointer and pointer.canary else None
        # A step that is repeated finds what it did before.
        moved = pointer is not None and release.version in {pointer.stable, canary}
        reason = f"the function of {release.model} cannot serve {release.short}"
        return release.to("withdraw" if moved else "refuse", reason=reason)

    def watch(self, release: Release) -> Release:
        """Look at the canary's metrics and alarms."""
        pointer = self._registry.production(release.model)
        gone = release.gone(pointer)
        if gone is not None or pointer is None:
            return gone or release
        now = self._clock()
        canary, stable = (
            self._metrics.figures(release.model, digest[:VERSION_LENGTH], release.since or now, now)
            for digest in (release.digest, pointer.stable)
        )
        verdict = self._plan.tolerance.verdict(canary, stable, self._metrics.in_alarm(release.model))
        looks = release.looks + 1
        if verdict.next == "wait" and looks >= self._plan.looks:
            return release.to("withdraw", looks=looks, reason=f"too little to judge by: {verdict.reason}")
        return release.to(verdict.next, looks=looks, reason=verdict.reason)

    def widen(self, release: Release) -> Release:
        """Give the canary its next share, or behind the last one all requests."""
        return self._move(release, self._plan.after(release.weight))

    def withdraw(self, release: Release) -> Release:
        """Take the canary back, where it is still this release's.

        Raises:
            Conflict: The version answers all requests meanwhile, which is more than a canary that ends.
        """
        for attempt in range(_ATTEMPTS):
            pointer = self._registry.production(release.model)
            if pointer is not None and pointer.stable == release.version:
                raise Conflict(f"{release.short} is in production: only a rollback takes it back")
            if pointer is None or pointer.canary is None or pointer.canary.manifest != release.version:
                break
            try:
                self._registry.withdraw(
                    release.model, actor=_ACTOR, reason=_reason(release), expected_seq=pointer.seq
                )
                break
            except PointerMoved:
                if attempt == _ATTEMPTS - 1:
                    raise
        return release.to("withdrawn")

    def _move(self, release: Release, weight: int | None) -> Release:
        """Move to a share of `weight` percent, None: all. A move that was made before counts as made now."""
        for _ in range(_ATTEMPTS):
            try:
                pointer = self._moved(release, weight)
            except Conflict as error:
                refused = error
            else:
                return _widened(release, weight, pointer)
            now = self._registry.production(release.model)
            if gone := release.gone(now):
                return gone
            if now is None or now.canary is None:
                break
            if now.canary.weight == weight:
                return _widened(release, weight, now)
            if now.canary.weight != release.weight:
                break
            # Something beside the canary moved, such as a shadow.
            release = release.model_copy(update={"seq": now.seq})
        raise refused

    def _moved(self, release: Release, weight: int | None) -> Pointer:
        model, version, reason, seq = release.model, release.digest, _reason(release), release.seq
        if weight is None:
            return self._registry.promote(model, version, actor=_ACTOR, reason=reason, expected_seq=seq)
        return self._registry.canary(model, version, weight, actor=_ACTOR, reason=reason, expected_seq=seq)

    def _published(self, release: Release) -> str:
        """The version that the training job says it has published."""
        body = self._registry.store.read(receipt_key(release.model, release.run)).body
        return str(json.loads(body)["version"])


def _widened(release: Release, weight: int | None, pointer: Pointer) -> Release:
    if weight is None:
        return release.to("done", seq=pointer.seq, weight=100)
    return release.to("wait", seq=pointer.seq, weight=weight, since=pointer.time, looks=0)


def _reason(release: Release) -> str:
    return f"{release.run}: {release.reason}"[:1000]
