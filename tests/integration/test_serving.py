"""Following the production pointer: new versions are checked first, and the last good one is kept."""

import sys
from types import SimpleNamespace

import boto3
import pytest

from maas.errors import ModelNotFound, NoProductionVersion, VersionNotFound
from maas.registry import Registry
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.lambda_events import Caller, Context, rest_event
from tests.shelves import publish, watch
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import EXPECTED, PREDICT


def test_pointer_is_trusted_for_a_while(registry: Registry) -> None:
    """A promotion is followed after refresh_seconds, not before; going back needs no download."""
    first = publish(registry)
    watched = watch()
    watched.volume()
    publish(registry, 2)
    watched.now[0] = 29.9
    assert watched.volume() == pytest.approx(EXPECTED[0])
    watched.now[0] = 30
    assert watched.volume() == pytest.approx(2 * EXPECTED[0])
    registry.promote(NAME, first, actor="tests", reason="back")
    watched.now[0] = 60
    assert watched.volume() == pytest.approx(EXPECTED[0])
    assert watched.store.artifacts_read == 2


def test_nothing_in_production(registry: Registry) -> None:
    """A model without a promotion says so; one whose pointer was removed keeps serving what it has."""
    publish(registry, promote=False)
    watched = watch()
    with pytest.raises(NoProductionVersion, match="maas promote"):
        watched.shelf.production()
    publish(registry)
    watched.volume()
    boto3.client("s3").delete_object(Bucket=MODELS_BUCKET, Key=f"models/{NAME}/production.json")
    watched.now[0] = 30
    assert watched.volume() == pytest.approx(EXPECTED[0])
    assert [type(report) for report in watched.reports] == [NoProductionVersion]


def test_named_versions(registry: Registry) -> None:
    """A version is found by 8 digits or more; unknown, short, ambiguous and strange names are not found."""
    first, second = publish(registry), publish(registry, 2, promote=False)
    watched = watch()
    assert watched.shelf.version(second[:8]).version == second
    assert watched.shelf.production().version == first
    reads = watched.store.artifacts_read
    assert watched.shelf.version(first).version == first
    assert watched.shelf.version(second).version == second
    assert watched.store.artifacts_read == reads == 2
    for name in ("f" * 12, first[:7], first.upper() + "G", "../" + first, "", first + "0" * 52):
        with pytest.raises(VersionNotFound):
            watched.shelf.version(name)
    digest = registry.manifest(NAME, second).digest
    twin = f"models/{NAME}/manifests/{digest[:63]}{'0' if digest[63] != '0' else '1'}.json"
    boto3.client("s3").put_object(Bucket=MODELS_BUCKET, Key=twin, Body=b"{}")
    with pytest.raises(VersionNotFound, match="more digits"):
        watch().shelf.version(second)


@pytest.mark.usefixtures("registry")
def test_unknown_model_has_no_versions() -> None:
    """Where nothing was ever published it is the model that is missing."""
    with pytest.raises(ModelNotFound):
        watch().shelf.version("0" * 12)


def test_versions_used_least_recently_go_first(registry: Registry) -> None:
    """Beside production two named versions are kept; asking for one renews it."""
    publish(registry)
    watched = watch()
    watched.volume()
    two, three, four = (publish(registry, scale, promote=False) for scale in (2, 3, 4))
    for version in (two, three, two, four, two):
        watched.shelf.version(version)
    assert watched.store.artifacts_read == 4
    watched.shelf.version(three)
    assert watched.store.artifacts_read == 5


def test_promoted_version_that_was_held(registry: Registry) -> None:
    """A version that was called by name and then promoted is held once, and never loaded again."""
    publish(registry)
    watched = watch()
    watched.volume()
    second = publish(registry, 2)
    watched.shelf.version(second)
    watched.now[0] = 30
    watched.volume()
    assert watched.shelf.version(second).version == second
    assert watched.store.artifacts_read == 2


def test_snapshot_carries_the_model_but_no_connection(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the snapshot the model is loaded; after it the client is new and the pointer is read again."""
    monkeypatch.setenv("MAAS_REFRESH_SECONDS", "1000000")
    publish(registry)
    handler = tiny_model.endpoint()
    handler.before_snapshot()
    held, old = handler.predictor.shelf.production(), handler.predictor.shelf.registry
    publish(registry, 2)
    assert handler.predictor.shelf.production() is held
    handler.after_restore()
    answer = handler({"instances": INSTANCES[:1]}, Context())
    assert answer["predictions"][0]["volume"] == pytest.approx(2 * EXPECTED[0])
    assert handler.predictor.shelf.registry is not old
    assert Caller(handler)("POST", PREDICT, {"instances": INSTANCES}).status == 200


def test_snapshot_before_the_first_version(registry: Registry) -> None:
    """A function may be deployed before it has a model: the snapshot is made, and the model found later."""
    handler = tiny_model.endpoint()
    handler.before_snapshot()
    handler.after_restore()
    publish(registry)
    assert handler({"instances": INSTANCES}, Context())["predictions"]


def test_snapshot_hooks_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Lambda's runtime offers the hooks, an endpoint puts itself on both lists."""
    before: list[object] = []
    after: list[object] = []
    hooks = SimpleNamespace(register_before_snapshot=before.append, register_after_restore=after.append)
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", hooks)
    handler = tiny_model.endpoint()
    assert (before, after) == ([handler.before_snapshot], [handler.after_restore])


@pytest.mark.parametrize("event", [{"instances": INSTANCES}, rest_event("POST", PREDICT, b"{}", {})])
def test_snapshot_holds_what_a_request_needs(registry: Registry, event: dict[str, object]) -> None:
    """After the snapshot a request imports nothing and compiles nothing of ours any more."""
    publish(registry)
    handler = tiny_model.endpoint()
    handler.before_snapshot()
    held = {name for name in vars(handler) if not name.startswith("__")}
    modules = {name for name in sys.modules if name.startswith("maas.")}
    handler(event, Context())
    assert set(vars(handler)) <= held
    assert {name for name in sys.modules if name.startswith("maas.")} <= modules
