"""Registry against moto: publish, find, promote, roll back, and races between promoters."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from botocore.response import StreamingBody
from mypy_boto3_s3.client import S3Client

from maas.errors import (
    BrokenArtifact,
    Conflict,
    DigestMismatch,
    IntegrityError,
    InvalidRequest,
    MaasError,
    ModelNotFound,
    PointerMoved,
    VersionNotFound,
)
from maas.manifest import Manifest
from maas.pointer import Pointer
from maas.registry import Registry
from maas.store import ObjectStore
from tests.faults import (
    BUCKET,
    Fault,
    FaultInjector,
    atomic_moto,
    impatient,
    moto_bucket,
    new_client,
    scripted,
)
from tests.manifests import manifest_of

MODEL = "traffic_flow"


@pytest.fixture
def client() -> Iterator[S3Client]:
    with moto_bucket() as client, impatient():
        yield client


@pytest.fixture
def registry(client: S3Client) -> Registry:
    moments = (datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=minute) for minute in count())
    return Registry(ObjectStore(BUCKET, client), clock=lambda: next(moments))


def publish(registry: Registry, name: str, *, model: str = MODEL, minute: int = 0) -> str:
    artifact = name.encode()
    return registry.publish(manifest_of(artifact, model=model, minute=minute), artifact)


def promote(registry: Registry, version: str, **options: int) -> Pointer:
    return registry.promote(MODEL, version, actor="ci", reason="a test", **options)


def rollback(registry: Registry, **options: int) -> Pointer:
    return registry.rollback(MODEL, actor="ci", reason="a test", **options)


def keys(client: S3Client) -> list[str]:
    return list(ObjectStore(BUCKET, client).list(""))


def test_published_version_is_found_by_every_name(registry: Registry) -> None:
    """The digest, the version and any prefix of 8 digits and more name the same manifest."""
    manifest = manifest_of(b"model")
    version = registry.publish(manifest, b"model")
    assert version == manifest.version == manifest.digest[:12]
    for length in (8, 12, 63, 64):
        assert registry.manifest(MODEL, manifest.digest[:length]) == manifest
    assert registry.artifact(manifest) == b"model"


def test_bucket_is_laid_out_as_designed(registry: Registry, client: S3Client) -> None:
    """One promoted version makes these four objects and no others."""
    manifest = manifest_of(b"model")
    promote(registry, registry.publish(manifest, b"model"))
    assert keys(client) == [
        f"blobs/sha256/{manifest.artifact.digest}",
        f"models/{MODEL}/history/00000001.json",
        f"models/{MODEL}/manifests/{manifest.digest}.json",
        f"models/{MODEL}/production.json",
    ]
    body = client.get_object(Bucket=BUCKET, Key=manifest.key)["Body"].read()
    assert body == manifest.to_json()


def test_publishing_again_changes_nothing(registry: Registry, client: S3Client) -> None:
    """The same manifest and artifact give the same version and the same objects."""
    version = publish(registry, "model")
    before = keys(client)
    assert publish(registry, "model") == version
    assert keys(client) == before


def test_artifact_must_be_the_manifest_s(registry: Registry, client: S3Client) -> None:
    """Nothing is stored for an artifact that its manifest does not describe."""
    with pytest.raises(DigestMismatch):
        registry.publish(manifest_of(b"model"), b"another")
    assert keys(client) == []


@pytest.mark.parametrize("version", ["", "abc", "ABCDEF0123", "0" * 65, "../../etc", "abcdefgh"])
def test_impossible_version_is_refused(registry: Registry, version: str) -> None:
    """Less than 8 digits, more than 64, or no hex digits at all."""
    publish(registry, "model")
    with pytest.raises(VersionNotFound, match="8 to 64"):
        registry.manifest(MODEL, version)


@pytest.mark.parametrize("length", [8, 64])
def test_unknown_version_and_unknown_model_are_told_apart(registry: Registry, length: int) -> None:
    """A typing error in the version is not reported as a missing model, nor the other way round."""
    publish(registry, "model")
    with pytest.raises(VersionNotFound):
        registry.manifest(MODEL, "0" * length)
    with pytest.raises(ModelNotFound):
        registry.manifest("air_quality", "0" * length)


def test_ambiguous_prefix_is_refused(registry: Registry, client: S3Client) -> None:
    """Two manifests that begin alike are never guessed between."""
    digest = manifest_of(b"model").digest
    publish(registry, "model")
    twin = digest[:10] + ("0" if digest[10] != "0" else "1") + digest[11:]
    client.put_object(Bucket=BUCKET, Key=f"models/{MODEL}/manifests/{twin}.json", Body=b"{}")
    with pytest.raises(VersionNotFound, match="2 versions"):
        registry.manifest(MODEL, digest[:8])
    assert registry.manifest(MODEL, digest[:11]).digest == digest


def test_versions_are_listed_newest_first(registry: Registry) -> None:
    """The order is that of creation, not of publication."""
    for minute in (1, 3, 0, 2):
        publish(registry, f"model {minute}", minute=minute)
    assert [manifest.created.minute for manifest in registry.versions(MODEL)] == [3, 2, 1, 0]
    assert registry.versions("air_quality") == []


def test_models_are_listed(registry: Registry, client: S3Client) -> None:
    """Every model with a published version, and nothing that merely lies in the bucket."""
    publish(registry, "a", model="traffic_flow")
    publish(registry, "b", model="air_quality")
    client.put_object(Bucket=BUCKET, Key="models/Not-A-Model/x", Body=b"")
    client.put_object(Bucket=BUCKET, Key="models/readme", Body=b"")
    assert registry.models() == ["air_quality", "traffic_flow"]


@pytest.mark.parametrize("call", ["manifest", "versions", "production", "promote", "rollback", "history"])
def test_bad_model_name_reaches_no_key(registry: Registry, client: S3Client, call: str) -> None:
    """A name with a slash is refused before any request is sent."""
    injector = FaultInjector(client, scripted({}))
    version = ("0" * 64,) if call in ("manifest", "promote") else ()
    move = {"actor": "ci", "reason": ""} if call in ("promote", "rollback") else {}
    with pytest.raises(ModelNotFound, match="no model name"):
        getattr(registry, call)("../secrets", *version, **move)
    assert injector.log == []


@pytest.mark.parametrize("damage", [b"{}", b"", None])
def test_damaged_manifest_is_refused(registry: Registry, client: S3Client, damage: bytes | None) -> None:
    """Changed or emptied manifests are DigestMismatch; one copied to another model is BrokenArtifact."""
    manifest = manifest_of(b"model")
    registry.publish(manifest, b"model")
    if damage is not None:
        client.put_object(Bucket=BUCKET, Key=manifest.key, Body=damage)
        with pytest.raises(DigestMismatch):
            registry.manifest(MODEL, manifest.digest)
    else:
        stolen = manifest.key.replace(MODEL, "air_quality")
        client.put_object(Bucket=BUCKET, Key=stolen, Body=manifest.to_json())
        with pytest.raises(BrokenArtifact, match=MODEL):
            registry.manifest("air_quality", manifest.digest)


def test_nothing_is_in_production_at_first(registry: Registry) -> None:
    """Publishing alone puts nothing into production."""
    publish(registry, "model")
    assert registry.production(MODEL) is None
    assert registry.history(MODEL) == []


def test_promotion_says_who_when_and_why(registry: Registry) -> None:
    """The pointer carries the move, and is what production() gives."""
    first, second = publish(registry, "one"), publish(registry, "two")
    promote(registry, first)
    pointer = registry.promote(MODEL, second[:8], actor="Ana", reason="lower error")
    assert registry.production(MODEL) == pointer
    assert (pointer.seq, pointer.version, pointer.action) == (2, second, "promote")
    assert (pointer.actor, pointer.reason) == ("Ana", "lower error")
    assert pointer.time == datetime(2026, 2, 1, 0, 1, tzinfo=UTC)
    assert pointer.previous == registry.manifest(MODEL, first).digest


def test_promoting_what_is_in_production_moves_nothing(registry: Registry) -> None:
    """Repeating a promotion is safe."""
    version = publish(registry, "one")
    pointer = promote(registry, version)
    assert promote(registry, version) == pointer
    assert registry.history(MODEL) == [pointer]


@pytest.mark.parametrize("damage", ["manifest", "artifact", "no manifest", "no artifact"])
@pytest.mark.parametrize("move", ["promote", "rollback"])
def test_damaged_version_does_not_go_live(
    registry: Registry, client: S3Client, damage: str, move: str
) -> None:
    """A version whose manifest or artifact is missing or damaged is refused, and production stays."""
    bad = manifest_of(b"bad")
    registry.publish(bad, b"bad")
    if move == "rollback":
        promote(registry, bad.version)
    pointer = promote(registry, publish(registry, "good"))
    key = bad.key if "manifest" in damage else bad.artifact.key
    if damage.startswith("no "):
        client.delete_object(Bucket=BUCKET, Key=key)
    else:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"bax")
    with pytest.raises((IntegrityError, VersionNotFound)):
        promote(registry, bad.version) if move == "promote" else rollback(registry)
    assert registry.production(MODEL) == pointer


@pytest.mark.parametrize("move", ["promote", "rollback"])
def test_large_artifacts_are_checked_in_pieces(
    registry: Registry, move: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who promotes need not have the memory of who serves."""
    artifact = bytes(5 << 20)
    large = registry.publish(manifest_of(artifact), artifact)
    small = publish(registry, "small")
    if move == "rollback":
        promote(registry, large)
        promote(registry, small)
    taken: list[int] = []

    def counted(name: str, read: Callable[..., Any]) -> None:
        def wrapped(self: StreamingBody, *given: Any, **named: Any) -> Any:
            found = read(self, *given, **named)
            taken.append(found if isinstance(found, int) else len(found))
            return found

        monkeypatch.setattr(StreamingBody, name, wrapped)

    for name in ("read", "readinto"):
        counted(name, getattr(StreamingBody, name))
    pointer = promote(registry, large) if move == "promote" else rollback(registry)
    assert pointer.version == large
    assert sum(taken) > len(artifact)
    assert max(taken) <= 1 << 20


def test_rollbacks_walk_back(registry: Registry) -> None:
    """Each rollback goes one promotion further back, until nothing is left to return to."""
    one, two, three = (publish(registry, name) for name in ("one", "two", "three"))
    for version in (one, two, three, one):
        promote(registry, version)
    walked = [rollback(registry).version for _ in range(3)]
    assert walked == [three, two, one]
    with pytest.raises(Conflict, match="no earlier version"):
        rollback(registry)
    assert registry.production(MODEL).version == one


def test_promotion_after_a_rollback_builds_on_it(registry: Registry) -> None:
    """What was rolled back is not returned to."""
    one, two, three = (publish(registry, name) for name in ("one", "two", "three"))
    promote(registry, one)
    promote(registry, two)
    rollback(registry)
    promote(registry, three)
    assert rollback(registry).version == one


def test_rollback_without_production_is_a_conflict(registry: Registry) -> None:
    """There is nothing to return to before the first promotion, or after only one."""
    version = publish(registry, "one")
    with pytest.raises(Conflict, match="no earlier version"):
        rollback(registry)
    promote(registry, version)
    with pytest.raises(Conflict, match="no earlier version"):
        rollback(registry)


def test_history_tells_every_move(registry: Registry) -> None:
    """Newest first, without gaps, each as the pointer was then."""
    one, two = publish(registry, "one"), publish(registry, "two")
    moves = [promote(registry, one), promote(registry, two), rollback(registry)]
    assert registry.history(MODEL) == moves[::-1]
    assert [move.action for move in moves] == ["promote", "promote", "rollback"]


def test_move_is_refused_when_production_is_not_what_was_seen(registry: Registry) -> None:
    """With expected_seq a decision does not apply to a pointer the caller never saw."""
    one, two = publish(registry, "one"), publish(registry, "two")
    with pytest.raises(PointerMoved):
        promote(registry, one, expected_seq=1)
    promote(registry, one, expected_seq=0)
    promote(registry, two, expected_seq=1)
    for move in (lambda: promote(registry, one, expected_seq=1), lambda: rollback(registry, expected_seq=1)):
        with pytest.raises(PointerMoved, match="at move 2, not at 1"):
            move()
    assert rollback(registry, expected_seq=2).version == one


@pytest.mark.parametrize(
    "texts", [{"actor": ""}, {"actor": "x" * 201}, {"reason": "x" * 1001}, {"reason": "\ud800"}], ids=ascii
)
def test_move_needs_an_actor_and_a_short_reason(registry: Registry, texts: dict[str, str]) -> None:
    """What cannot be recorded does not happen."""
    version = publish(registry, "one")
    with pytest.raises(InvalidRequest):
        registry.promote(MODEL, version, **({"actor": "ci", "reason": ""} | texts))
    assert registry.production(MODEL) is None


@pytest.mark.parametrize("damage", ["edited", "torn", "of another model"])
def test_damaged_pointer_is_never_served(registry: Registry, client: S3Client, damage: str) -> None:
    """An edited, torn or foreign pointer is refused; removing it lets promotions go on without a gap."""
    one, two = publish(registry, "one"), publish(registry, "two")
    pointer = promote(registry, one)
    bodies = {
        "edited": json.dumps(json.loads(pointer.to_json()) | {"stable": "0" * 64}).encode(),
        "torn": pointer.to_json()[:50],
        "of another model": pointer.model_copy(update={"model": "air_quality"}).to_json(),
    }
    key = f"models/{MODEL}/production.json"
    client.put_object(Bucket=BUCKET, Key=key, Body=bodies[damage])
    for call in (
        lambda: registry.production(MODEL),
        lambda: promote(registry, two),
        lambda: rollback(registry),
    ):
        with pytest.raises(IntegrityError, match="remove it"):
            call()
    client.delete_object(Bucket=BUCKET, Key=key)
    assert promote(registry, two).seq == 2
    assert [move.seq for move in registry.history(MODEL)] == [2, 1]


def test_restored_pointer_counts_on(registry: Registry, client: S3Client) -> None:
    """After an old pointer was put back by hand no number is used twice."""
    versions = [publish(registry, name) for name in ("one", "two", "three")]
    first, *_ = [promote(registry, version) for version in versions]
    client.put_object(Bucket=BUCKET, Key=f"models/{MODEL}/production.json", Body=first.to_json())
    pointer = promote(registry, versions[2])
    assert (pointer.seq, pointer.previous_seq) == (4, 1)
    assert [move.seq for move in registry.history(MODEL)] == [4, 3, 2, 1]
    assert rollback(registry).version == versions[0]


def test_missing_entry_of_the_current_move_is_made_good(registry: Registry, client: S3Client) -> None:
    """A crash after the swap loses no history: the pointer holds the move, the next move writes it down."""
    one, two = publish(registry, "one"), publish(registry, "two")
    first = promote(registry, one)
    entry = f"models/{MODEL}/history/00000001.json"
    client.delete_object(Bucket=BUCKET, Key=entry)
    assert registry.history(MODEL) == [first]
    second = promote(registry, two)
    assert registry.history(MODEL) == [second, first]
    assert entry in keys(client)


@pytest.mark.parametrize("damage", ["missing", "edited", "swapped"])
def test_damaged_history_does_not_steer_a_rollback(registry: Registry, client: S3Client, damage: str) -> None:
    """A rollback that cannot be sure where it leads says so; a promotion by name still works."""
    one, two, three = (publish(registry, name) for name in ("one", "two", "three"))
    _, second, pointer = (promote(registry, version) for version in (one, two, three))
    key = f"models/{MODEL}/history/00000002.json"
    if damage == "missing":
        client.delete_object(Bucket=BUCKET, Key=key)
    else:
        change = {"reason": "x"} if damage == "edited" else {"stable": registry.manifest(MODEL, one).digest}
        moved = second.model_copy(update=change).to_json()
        body = moved if damage == "swapped" else moved.replace(b'"x"', b'"y"')
        client.put_object(Bucket=BUCKET, Key=key, Body=body)
    with pytest.raises(IntegrityError, match="promote a version"):
        rollback(registry)
    assert registry.production(MODEL) == pointer
    assert promote(registry, two).seq == 4


def test_move_recorded_under_a_wrong_number_does_not_steer_a_rollback(
    registry: Registry, client: S3Client
) -> None:
    """An older entry copied over a newer one of the same version would lead rollbacks astray later."""
    one, two, three = (publish(registry, name) for name in ("one", "two", "three"))
    moves = [promote(registry, version) for version in (one, two, one, two, three)]
    client.put_object(Bucket=BUCKET, Key=f"models/{MODEL}/history/00000004.json", Body=moves[1].to_json())
    with pytest.raises(IntegrityError, match="holds move 2"):
        rollback(registry)


def racing(registries: list[Registry], act: Callable[[int, Registry], Pointer]) -> list[Pointer | MaasError]:
    """Let all act at once, each in its thread; what each returned or raised."""
    start = Barrier(len(registries))

    def run(number: int) -> Pointer | MaasError:
        start.wait()
        try:
            return act(number, registries[number])
        except MaasError as error:
            return error

    with ThreadPoolExecutor(len(registries)) as pool:
        return list(pool.map(run, range(len(registries))))


@pytest.fixture
def crowd(client: S3Client) -> Iterator[list[Registry]]:
    del client
    with atomic_moto():
        yield [Registry(ObjectStore(BUCKET, new_client())) for _ in range(6)]


def test_one_of_many_wins_each_move(crowd: list[Registry]) -> None:
    """All promote what they decided on the same pointer: one wins per round, the others learn it."""
    versions = [publish(crowd[0], str(number)) for number in range(len(crowd))]
    winners: list[Pointer] = []
    for seq in range(5):
        current = winners[-1].version if winners else None
        free = [version for version in versions if version != current][: len(crowd) - 1]
        outcomes = racing(
            crowd[: len(free)],
            lambda number, registry, free=free, seq=seq: promote(registry, free[number], expected_seq=seq),
        )
        won = [outcome for outcome in outcomes if isinstance(outcome, Pointer)]
        assert len(won) == 1
        assert all(isinstance(outcome, Pointer | PointerMoved) for outcome in outcomes)
        assert won[0].seq == seq + 1
        winners += won
    assert crowd[0].history(MODEL) == winners[::-1]


def test_no_promotion_of_many_is_lost(crowd: list[Registry]) -> None:
    """All promote at once without a condition: every one happens, in some order, and is in the history."""
    versions = [publish(crowd[0], str(number)) for number in range(len(crowd))]
    outcomes = racing(crowd, lambda number, registry: promote(registry, versions[number]))
    assert all(isinstance(outcome, Pointer) for outcome in outcomes), outcomes
    assert sorted(pointer.seq for pointer in outcomes) == list(range(1, len(crowd) + 1))
    assert crowd[0].history(MODEL) == sorted(outcomes, key=lambda pointer: pointer.seq, reverse=True)


def test_many_rollbacks_of_one_decision_go_back_once(crowd: list[Registry]) -> None:
    """Several people roll back the same bad version: production goes back by one, not by several."""
    versions = [publish(crowd[0], str(number)) for number in range(4)]
    for version in versions:
        promote(crowd[0], version)
    outcomes = racing(crowd, lambda _, registry: rollback(registry, expected_seq=4))
    assert [type(outcome) for outcome in outcomes].count(Pointer) == 1
    assert crowd[0].production(MODEL).version == versions[2]


def test_many_publishers_of_one_version_agree(crowd: list[Registry], client: S3Client) -> None:
    """The same version published at once by all is stored once and refused to none."""
    start = Barrier(len(crowd))

    def run(registry: Registry) -> str:
        start.wait()
        return publish(registry, "model")

    with ThreadPoolExecutor(len(crowd)) as pool:
        assert set(pool.map(run, crowd)) == {manifest_of(b"model").version}
    assert len(keys(client)) == 2


def test_republishing_repairs_a_half_published_version(registry: Registry, client: S3Client) -> None:
    """A crash between artifact and manifest leaves no version; publishing again completes it."""
    manifest: Manifest = manifest_of(b"model")
    FaultInjector(client, scripted(dict.fromkeys(range(2, 6), Fault.UNAVAILABLE)))
    with pytest.raises(MaasError):
        registry.publish(manifest, b"model")
    assert keys(client) == [manifest.artifact.key]
    assert registry.models() == []
    assert registry.publish(manifest, b"model") == manifest.version
