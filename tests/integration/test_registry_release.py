"""Canary and shadow beside the version in production: every step, and what it leaves alone."""

from collections.abc import Callable, Iterator

import pytest

from maas.errors import (
    Conflict,
    IntegrityError,
    InvalidRequest,
    ModelNotFound,
    PointerMoved,
    VersionNotFound,
)
from maas.manifest import Manifest
from maas.pointer import Canary, Pointer
from maas.registry import Registry
from maas.store import ObjectStore
from tests.faults import BUCKET, FaultInjector, impatient, moto_bucket, new_client, scripted
from tests.manifests import manifest_of

MODEL = "traffic_flow"
WHO = {"actor": "ci", "reason": "a test"}
A, B, C, D = (manifest_of(name.encode(), minute=minute).digest for minute, name in enumerate("abcd"))


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Four published versions, A and then B promoted."""
    with moto_bucket() as client, impatient():
        registry = Registry(ObjectStore(BUCKET, client))
        for minute, name in enumerate("abcd"):
            registry.publish(manifest_of(name.encode(), minute=minute), name.encode())
        registry.promote(MODEL, A, **WHO)
        registry.promote(MODEL, B, **WHO)
        yield registry


def state(pointer: Pointer | None) -> tuple[str, tuple[str, int] | None, str | None]:
    """Stable, canary and shadow."""
    assert pointer is not None
    canary = pointer.canary and (pointer.canary.manifest, pointer.canary.weight)
    return pointer.stable, canary, pointer.shadow


def test_canary_is_widened_step_by_step(registry: Registry) -> None:
    """The same call changes the share; each is a move, and production() tells it."""
    for weight in (5, 25, 99):
        pointer = registry.canary(MODEL, C[:8], weight, **WHO)
        assert pointer.canary == Canary(manifest=C, weight=weight)
        assert registry.production(MODEL) == pointer
        assert registry.canary(MODEL, C, weight, **WHO) == pointer  # nothing moves
    assert [(move.seq, move.action) for move in registry.history(MODEL)[:3]] == [
        (5, "canary"),
        (4, "canary"),
        (3, "canary"),
    ]
    assert registry.canary(MODEL, C, 1, **WHO).seq == 6


def test_promoted_canary_is_on_top_of_what_was_stable(registry: Registry) -> None:
    """Widening to everyone ends the trial; rollbacks then walk back as if there had been no canary."""
    registry.canary(MODEL, C, 10, **WHO)
    registry.canary(MODEL, C, 50, **WHO)
    assert state(registry.promote(MODEL, C, **WHO)) == (C, None, None)
    assert [state(registry.rollback(MODEL, **WHO)) for _ in range(2)] == [(B, None, None), (A, None, None)]
    with pytest.raises(Conflict, match="no earlier version"):
        registry.rollback(MODEL, **WHO)


def test_rollback_withdraws_a_canary_first(registry: Registry) -> None:
    """While a canary runs, going back means taking it back; stable moves only at the next rollback."""
    registry.canary(MODEL, C, 10, **WHO)
    registry.shadow(MODEL, D, **WHO)
    pointer = registry.rollback(MODEL, **WHO)
    assert (state(pointer), pointer.action) == ((B, None, None), "withdraw")
    pointer = registry.rollback(MODEL, **WHO)
    assert (state(pointer), pointer.action) == ((A, None, None), "rollback")


def test_shadow_becomes_canary_becomes_production(registry: Registry) -> None:
    """A version has one part at a time, and takes the next one by one move."""
    assert state(registry.shadow(MODEL, C, **WHO)) == (B, None, C)
    assert state(registry.canary(MODEL, C, 10, **WHO)) == (B, (C, 10), None)
    assert state(registry.shadow(MODEL, D, **WHO)) == (B, (C, 10), D)
    assert state(registry.promote(MODEL, C, **WHO)) == (C, None, D)
    assert state(registry.promote(MODEL, D, **WHO)) == (D, None, None)


def test_trials_of_other_versions_go_on(registry: Registry) -> None:
    """Promoting one version ends neither the canary nor the shadow of others."""
    registry.canary(MODEL, C, 10, **WHO)
    registry.shadow(MODEL, D, **WHO)
    assert state(registry.promote(MODEL, A, **WHO)) == (A, (C, 10), D)


def test_rollback_keeps_the_shadow_unless_it_is_the_target(registry: Registry) -> None:
    """A shadow disturbs nobody, so it stays; a version that returns to production is no shadow any more."""
    registry.shadow(MODEL, D, **WHO)
    assert state(registry.rollback(MODEL, **WHO)) == (A, None, D)
    registry.promote(MODEL, B, **WHO)
    registry.shadow(MODEL, A, **WHO)
    assert state(registry.rollback(MODEL, **WHO)) == (A, None, None)


def test_withdraw_leaves_stable_alone(registry: Registry) -> None:
    """Canary and shadow end in one move; with nothing on trial nothing moves."""
    registry.canary(MODEL, C, 10, **WHO)
    registry.shadow(MODEL, D, **WHO)
    pointer = registry.withdraw(MODEL, **WHO)
    assert (state(pointer), pointer.action, pointer.seq) == ((B, None, None), "withdraw", 5)
    assert registry.withdraw(MODEL, **WHO) == pointer
    assert registry.rollback(MODEL, **WHO).stable == A


def test_shadow_ends_by_itself(registry: Registry) -> None:
    """Ending the shadow leaves the canary; ending it again moves nothing."""
    registry.canary(MODEL, C, 10, **WHO)
    registry.shadow(MODEL, D, **WHO)
    pointer = registry.shadow(MODEL, None, **WHO)
    assert state(pointer) == (B, (C, 10), None)
    assert registry.shadow(MODEL, None, **WHO) == pointer


CONTRADICTIONS: dict[str, tuple[str, Callable[[Registry], Pointer]]] = {
    "canary of what serves": ("", lambda registry: registry.canary(MODEL, B, 10, **WHO)),
    "shadow of what serves": ("", lambda registry: registry.shadow(MODEL, B, **WHO)),
    "second canary": ("canary", lambda registry: registry.canary(MODEL, D, 10, **WHO)),
    "shadow of the canary": ("canary", lambda registry: registry.shadow(MODEL, C, **WHO)),
    "canary of nothing": ("nothing", lambda registry: registry.canary(MODEL, C, 10, **WHO)),
    "shadow of nothing": ("nothing", lambda registry: registry.shadow(MODEL, C, **WHO)),
    "end of no shadow": ("nothing", lambda registry: registry.shadow(MODEL, None, **WHO)),
    "withdrawal from nothing": ("nothing", lambda registry: registry.withdraw(MODEL, **WHO)),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_step_that_contradicts_what_runs_is_a_conflict(registry: Registry, name: str) -> None:
    """No trial of what serves anyhow, no second canary, no trial without production; the pointer stays."""
    before, refused = CONTRADICTIONS[name]
    match before:
        case "canary":
            registry.canary(MODEL, C, 10, **WHO)
        case "nothing":
            new_client().delete_object(Bucket=BUCKET, Key=f"models/{MODEL}/production.json")
    pointer = registry.production(MODEL)
    with pytest.raises(Conflict):
        refused(registry)
    assert registry.production(MODEL) == pointer


@pytest.mark.parametrize("weight", [0, 100, -1])
def test_canary_needs_a_share(registry: Registry, weight: int) -> None:
    """Nobody or everybody is no share."""
    with pytest.raises(InvalidRequest, match="1 to 99 percent"):
        registry.canary(MODEL, C, weight, **WHO)


STEPS: dict[str, Callable[..., Pointer]] = {
    "canary": lambda registry, version, **how: registry.canary(MODEL, version, 10, **WHO, **how),
    "shadow": lambda registry, version, **how: registry.shadow(MODEL, version, **WHO, **how),
    "withdraw": lambda registry, _, **how: registry.withdraw(MODEL, **WHO, **how),
}


@pytest.mark.parametrize("step", ["canary", "shadow"])
@pytest.mark.parametrize("damage", ["manifest", "artifact"])
def test_damaged_version_goes_on_no_trial(registry: Registry, step: str, damage: str) -> None:
    """What is not whole is found by the move, not by the callers."""
    manifest: Manifest = manifest_of(b"c", minute=2)
    registry.store.put(manifest.key if damage == "manifest" else manifest.artifact.key, b"x")
    before = registry.production(MODEL)
    with pytest.raises(IntegrityError):
        STEPS[step](registry, C)
    with pytest.raises(VersionNotFound):
        STEPS[step](registry, "0" * 64)
    assert registry.production(MODEL) == before


@pytest.mark.parametrize("step", STEPS)
def test_step_holds_only_for_the_pointer_that_was_seen(registry: Registry, step: str) -> None:
    """With expected_seq a step that was decided on before another move does not happen."""
    registry.canary(MODEL, C, 5, **WHO)
    with pytest.raises(PointerMoved, match="at move 3, not at 2"):
        STEPS[step](registry, C if step == "canary" else D, expected_seq=2)
    assert STEPS[step](registry, C if step == "canary" else D, expected_seq=3).seq == 4


@pytest.mark.parametrize("step", STEPS)
def test_step_overtaken_by_another_is_repeated(registry: Registry, step: str) -> None:
    """Without expected_seq a step that lost a race is taken from where the other one led."""
    registry.canary(MODEL, C, 5, **WHO)
    other, client = Registry(ObjectStore(BUCKET, new_client())), new_client()
    slip_in = {1: lambda: other.promote(MODEL, A, **WHO)} if step == "withdraw" else {}
    injector = FaultInjector(client, scripted({}), then=slip_in)
    slow = Registry(ObjectStore(BUCKET, client))
    if not slip_in:
        # The third request reads the pointer; the first two read manifest and artifact.
        injector._then[3] = lambda: other.promote(MODEL, A, **WHO)
    STEPS[step](slow, C if step == "canary" else D)
    pointer = registry.production(MODEL)
    assert pointer is not None
    assert (pointer.stable, pointer.seq) == (A, 5)
    assert [move.action for move in registry.history(MODEL)[:3]] == [step, "promote", "canary"]


@pytest.mark.parametrize("step", STEPS)
def test_bad_model_name_reaches_no_key(registry: Registry, step: str) -> None:
    """A name with a slash is refused before any request is sent."""
    client = new_client()
    injector = FaultInjector(client, scripted({}))
    with pytest.raises(ModelNotFound, match="no model name"):
        getattr(Registry(ObjectStore(BUCKET, client)), step)(
            "../secrets", *{"canary": (A, 5), "shadow": (A,), "withdraw": ()}[step], **WHO
        )
    assert injector.log == []
    assert registry.production(MODEL)
