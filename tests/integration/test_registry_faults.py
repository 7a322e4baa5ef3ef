"""Registry under faults: every crash point, every lost answer, and hundreds of random bad days."""

import random
import re
from collections.abc import Callable, Iterator

import pytest

from maas.artifact import digest_of
from maas.errors import Conflict, MaasError, PointerMoved, RegistryUnavailable
from maas.manifest import Manifest
from maas.pointer import Pointer
from maas.registry import Registry
from maas.store import ObjectStore
from tests.faults import (
    BUCKET,
    RETRIED,
    Crash,
    Fault,
    FaultInjector,
    Plan,
    impatient,
    moto_bucket,
    new_client,
    objects,
    restore,
    scripted,
    seeded,
)
from tests.manifests import manifest_of

MODEL = "traffic_flow"
PUBLISHED = [(manifest_of(name.encode(), minute=minute), name.encode()) for minute, name in enumerate("abcd")]
A, B, C, D = (manifest for manifest, _ in PUBLISHED)
# More requests than any move sends, so that a loop over them meets every one.
ENOUGH = 20


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    with moto_bucket(), impatient():
        yield


def open_registry() -> Registry:
    """A registry of a client of its own, without faults."""
    return Registry(ObjectStore(BUCKET, new_client()))


def faulty_registry(
    plan: Plan, *, then: dict[int, Callable[[], object]] | None = None, seed: int = 0
) -> tuple[Registry, FaultInjector]:
    client = new_client()
    injector = FaultInjector(client, plan, then=then, seed=seed)
    return Registry(ObjectStore(BUCKET, client, pause=lambda _: None)), injector


def promote(registry: Registry, version: str) -> Pointer:
    return registry.promote(MODEL, version, actor="ci", reason="")


def rollback(registry: Registry) -> Pointer:
    return registry.rollback(MODEL, actor="ci", reason="")


@pytest.fixture
def prepared() -> dict[str, bytes]:
    """A bucket in which A, B and C were promoted in turn and D is published."""
    registry = open_registry()
    for manifest, artifact in PUBLISHED:
        registry.publish(manifest, artifact)
    for manifest in (A, B, C):
        promote(registry, manifest.digest)
    return objects()


def check() -> list[Pointer]:
    """Assert what must hold at any moment, from the stored bytes alone; the history, oldest first."""
    stored = objects()
    folder = f"models/{MODEL}/"
    for key, body in stored.items():
        digest = re.search(r"[0-9a-f]{64}", key)
        assert digest is None or digest_of(body) == digest[0], f"{key} is damaged"
        if "/manifests/" in key:
            assert Manifest.from_json(body).artifact.key in stored, f"{key} came before its artifact"
    history = [Pointer.from_json(body) for key, body in stored.items() if key.startswith(f"{folder}history/")]
    if f"{folder}production.json" in stored:
        pointer = Pointer.from_json(stored[f"{folder}production.json"])
        # The current move may not be written down yet.
        history = history if pointer in history else [*history, pointer]
        assert history[-1] == pointer
        assert f"{folder}manifests/{pointer.stable}.json" in stored, "production is not published"
    assert [move.seq for move in history] == list(range(1, len(history) + 1)), "gap or duplicate"
    assert len({move.nonce for move in history}) == len(history)
    stack: list[str] = []
    for move in history:
        if move.action == "promote":
            stack.append(move.stable)
        elif move.action == "rollback":
            stack.pop()
        assert (stack[-1], stack[-2] if len(stack) > 1 else None) == (move.stable, move.previous)
    return history


# What a move does from C, with A as the canary; and stable, canary and shadow then.
type Moved = tuple[str, str | None, str | None]
BEFORE: Moved = (C.digest, A.digest, None)
MOVES: dict[str, tuple[Callable[[Registry], Pointer], Moved]] = {
    "promote": (lambda registry: promote(registry, D.digest), (D.digest, A.digest, None)),
    "promote the canary": (lambda registry: promote(registry, A.digest), (A.digest, None, None)),
    "shadow": (
        lambda registry: registry.shadow(MODEL, D.digest, actor="ci", reason=""),
        (C.digest, A.digest, D.digest),
    ),
    "rollback": (rollback, (C.digest, None, None)),
}


def moved(pointer: Pointer) -> Moved:
    return pointer.stable, pointer.canary and pointer.canary.manifest, pointer.shadow


@pytest.fixture
def trying(prepared: dict[str, bytes]) -> dict[str, bytes]:
    """The same with A as the canary."""
    restore(prepared)
    open_registry().canary(MODEL, A.digest, 10, actor="ci", reason="")
    return objects()


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=lambda fault: fault.name)
@pytest.mark.parametrize("move", MOVES)
def test_crash_at_any_request_leaves_a_move_done_or_not(
    trying: dict[str, bytes], move: str, fault: Fault
) -> None:
    """Whichever request the process dies at, the pointer is the old or the new one, and work goes on."""
    act, target = MOVES[move]
    clean = open_registry()
    seen = set()
    for number in range(1, ENOUGH):
        restore(trying)
        dying, injector = faulty_registry(scripted({number: fault}))
        with injector.shown():
            try:
                act(dying)
            except Crash:
                seen.add(moved(check()[-1]))
            else:
                break
            assert clean.production(MODEL) == check()[-1]
            promote(clean, B.digest)
            assert check()[-1].stable == B.digest
    assert number == len(injector.log) + 1
    # Both outcomes were met, so the crash points lie on both sides of the swap.
    assert seen == {BEFORE, target}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=lambda fault: fault.name)
def test_crash_while_publishing_leaves_no_half_version(fault: Fault, number: int) -> None:
    """A version is there with its artifact or not at all; publishing again completes it."""
    dying, _ = faulty_registry(scripted({number: fault}))
    with pytest.raises(Crash):
        dying.publish(A, b"a")
    check()
    clean = open_registry()
    assert clean.publish(A, b"a") == A.version
    assert clean.versions(MODEL) == [A]
    assert len(objects()) == 2


@pytest.mark.parametrize("fault", RETRIED, ids=lambda fault: fault.name)
@pytest.mark.parametrize("move", MOVES)
def test_one_passing_fault_at_any_request_is_bridged(
    trying: dict[str, bytes], move: str, fault: Fault
) -> None:
    """A single 503, timeout, lost answer, 409 or torn body anywhere changes neither result nor history."""
    act, target = MOVES[move]
    for number in range(1, ENOUGH):
        restore(trying)
        registry, injector = faulty_registry(scripted({number: fault}))
        with injector.shown():
            pointer = act(registry)
            assert moved(pointer) == target
            history = check()
            assert (len(history), history[-1]) == (5, pointer)
        if number > len(injector.log):
            break
    assert number == len(injector.log) + 1


OVERTAKEN = pytest.mark.parametrize("fault", [Fault.NONE, Fault.LOST], ids=lambda fault: fault.name)


@OVERTAKEN
def test_promotion_overtaken_at_any_request_still_happens(prepared: dict[str, bytes], fault: Fault) -> None:
    """Another promotion slips in after any request: both happen once, and both callers get their own move."""
    clean = open_registry()
    for number in range(1, ENOUGH):
        restore(prepared)
        theirs: list[Pointer] = []
        slip_in = {number: lambda theirs=theirs: theirs.append(promote(clean, A.digest))}
        slow, injector = faulty_registry(scripted({number: fault}), then=slip_in)
        with injector.shown():
            ours = promote(slow, D.digest)
            if not theirs:
                break
            assert {move.nonce for move in check()[3:]} == {ours.nonce, theirs[0].nonce}
    assert number == len(injector.log) + 1


@OVERTAKEN
def test_rollback_overtaken_at_any_request_undoes_only_what_it_saw(
    prepared: dict[str, bytes], fault: Fault
) -> None:
    """A promotion slips in: the rollback came before, or it is refused; what it never saw it never undoes."""
    clean = open_registry()
    outcomes = []
    for number in range(1, ENOUGH):
        restore(prepared)
        theirs: list[Pointer] = []
        slip_in = {number: lambda theirs=theirs: theirs.append(promote(clean, D.digest))}
        slow, injector = faulty_registry(scripted({number: fault}), then=slip_in)
        with injector.shown():
            try:
                ours = rollback(slow)
            except PointerMoved:
                outcomes.append("refused")
                assert check()[3:] == theirs
                continue
            if not theirs:
                break
            moves = check()[3:]
            if fault is Fault.LOST and number == 1:
                # Its first read was lost, the second one saw the promotion.
                assert moves == [theirs[0], ours]
            else:
                outcomes.append("first")
                assert moves == [ours, theirs[0]]
    assert number == len(injector.log) + 1
    assert set(outcomes) == {"refused", "first"}


def test_silence_after_the_swap_is_reported_as_unknown(prepared: dict[str, bytes]) -> None:
    """When no answer comes back the caller is told to look, and repeating a promotion is safe."""
    rehearsal, injector = faulty_registry(scripted({}))
    promote(rehearsal, D.digest)
    swap = next(
        number
        for number, (method, path, _) in enumerate(injector.log, 1)
        if method == "PUT" and path.endswith("production.json")
    )
    restore(prepared)
    deaf, _ = faulty_registry(lambda number: Fault.LOST if number >= swap else Fault.NONE)
    with pytest.raises(RegistryUnavailable, match="look where it stands"):
        promote(deaf, D.digest)
    assert check()[-1].stable == D.digest
    assert promote(open_registry(), D.digest).seq == 4


def test_silence_of_the_swap_alone_is_resolved_by_looking(prepared: dict[str, bytes]) -> None:
    """When only the swap's answers are lost, all of them, the pointer itself tells that it moved."""
    rehearsal, injector = faulty_registry(scripted({}))
    promote(rehearsal, D.digest)
    swap = len(injector.log) - 1
    restore(prepared)
    deaf, _ = faulty_registry(scripted(dict.fromkeys(range(swap, swap + 4), Fault.LOST)))
    assert promote(deaf, D.digest) == check()[-1]


@pytest.mark.parametrize("damage", [Fault.FLIP, Fault.TORN], ids=lambda fault: fault.name)
def test_damage_while_looking_is_no_refusal(prepared: dict[str, bytes], damage: Fault) -> None:
    """The swap's answer is lost and what is read back is damaged: the move is not reported as refused."""
    rehearsal, injector = faulty_registry(scripted({}))
    promote(rehearsal, D.digest)
    swap = len(injector.log) - 1
    restore(prepared)
    # The retry of the swap finds its own pointer there; then comes the look, which is repeated if it is torn.
    faults = {swap: Fault.LOST} | dict.fromkeys(range(swap + 2, swap + 8), damage)
    registry, injector = faulty_registry(scripted(faults), seed=3)
    with injector.shown(), pytest.raises(RegistryUnavailable, match="look where it stands"):
        promote(registry, D.digest)
    assert check()[-1].stable == D.digest


def test_move_that_cannot_be_written_down_stands(prepared: dict[str, bytes]) -> None:
    """When S3 falls silent after the swap was answered, the move is reported as done and recorded later."""
    rehearsal, injector = faulty_registry(scripted({}))
    promote(rehearsal, D.digest)
    swap = len(injector.log) - 1
    restore(prepared)
    registry, _ = faulty_registry(lambda number: Fault.UNAVAILABLE if number > swap else Fault.NONE)
    pointer = promote(registry, D.digest)
    assert f"models/{MODEL}/history/{pointer.seq:08d}.json" not in objects()
    assert open_registry().history(MODEL)[0] == pointer
    rollback(open_registry())
    assert check()[-2] == pointer


@pytest.mark.parametrize("block", range(8))
def test_bad_days(prepared: dict[str, bytes], block: int) -> None:
    """Random operations under random faults, 12 seeds a block: nothing that must hold ever breaks."""
    for seed in range(12 * block, 12 * block + 12):
        # Every fifth day begins with an empty bucket.
        restore(prepared if seed % 5 else {})
        bad_day(seed)


def bad_day(seed: int) -> None:
    """Some operations under one seeded schedule, then one without faults; a failure shows both."""
    source = random.Random(seed)
    registry, injector = faulty_registry(seeded(seed, rate=source.choice([0.05, 0.15, 0.3])), seed=seed)
    with injector.shown(f"seed {seed}"):
        for _ in range(4):
            disturbed_step(registry, source)
        injector.stop()
        # botocore's retry quota is spent by now, so the day after begins with a new client.
        later = open_registry()
        later.publish(D, b"d")
        assert promote(later, D.digest) == check()[-1]


def disturbed_step(registry: Registry, source: random.Random) -> None:
    """One random operation; whatever it answers must be true, whatever it leaves behind must be whole."""
    before = check()
    manifest, artifact = source.choice(PUBLISHED)
    kind = source.choice(["publish", "promote", "canary", "shadow", "withdraw", "rollback", "history"])
    who = {"actor": "ci", "reason": ""}
    operations: dict[str, Callable[[], object]] = {
        "publish": lambda: registry.publish(manifest, artifact),
        "promote": lambda: promote(registry, manifest.digest),
        "canary": lambda: registry.canary(MODEL, manifest.digest, source.randint(1, 99), **who),
        "shadow": lambda: registry.shadow(MODEL, manifest.digest, **who),
        "withdraw": lambda: registry.withdraw(MODEL, **who),
        "rollback": lambda: rollback(registry),
        "history": lambda: registry.history(MODEL),
    }
    answer: object = None
    try:
        answer = operations[kind]()
    except PointerMoved as error:
        raise AssertionError(
            "nobody else moves the pointer: a lost answer was taken for a lost race"
        ) from error
    except Conflict:
        # Nothing to go back to, no canary beside itself or another one, nothing in production.
        assert kind != "promote"
        assert kind != "rollback" or not before or (before[-1].previous, before[-1].canary) == (None, None)
        assert kind != "withdraw" or not before
    except (Crash, MaasError):
        pass
    after = check()
    assert after[: len(before)] == before, "a move changed or vanished"
    assert len(after) <= len(before) + (kind not in ("publish", "history"))
    assert is_true(kind, answer, manifest, before, after)


def is_true(
    kind: str, answer: object, manifest: Manifest, before: list[Pointer], after: list[Pointer]
) -> bool:
    """Whether what an operation answered is what is stored now; one that failed said nothing."""
    if not isinstance(answer, Pointer):
        return answer in (None, before[::-1]) or (answer == manifest.version and manifest.key in objects())
    before_that = before[-1] if before else answer
    wanted = {
        "promote": answer.stable == manifest.digest,
        "canary": answer.canary is not None and answer.canary.manifest == manifest.digest,
        "shadow": answer.shadow == manifest.digest,
        "withdraw": answer.trials == (),
        "rollback": answer.stable == (before_that.stable if before_that.canary else before_that.previous),
    }
    return answer == after[-1] and wanted[kind]
