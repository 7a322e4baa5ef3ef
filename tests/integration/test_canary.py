"""A canary among real requests: who gets it, who keeps it, and that its faults cost no caller anything."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from maas.contract import Columns
from maas.errors import BrokenArtifact
from maas.manifest import Golden
from maas.registry import Registry
from maas.serving import Served
from maas.traffic import draws
from tests import tiny_model
from tests.lambda_events import Answer, Caller, Context
from tests.shelves import publish, watch
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import EXPECTED, INFER, PREDICT, json_inputs

WHO = {"actor": "tests", "reason": "trial"}
IDS = [f"caller-{number}" for number in range(40)]
BODY = {"instances": INSTANCES}


def drawn(canary: str, registry: Registry, ids: list[str] = IDS) -> list[str]:
    """The ids that fall to the canary: it is published just now, so its share is not known before."""
    pointer = registry.production(NAME)
    assert pointer is not None
    assert pointer.canary is not None
    assert pointer.canary.version == canary
    return [request_id for request_id in ids if draws(NAME, pointer.canary, request_id)]


def ask(call: Caller, request_id: str | None = None, path: str = PREDICT) -> Answer:
    headers = {"X-Request-Id": request_id} if request_id else {}
    return call("POST", path, {"inputs": json_inputs()} if "infer" in path else BODY, headers)


def by_version(call: Caller, ids: list[str] = IDS) -> dict[str, set[str]]:
    """Which ids each version answers."""
    found: dict[str, set[str]] = {}
    for request_id in ids:
        answer = ask(call, request_id)
        assert answer.status == 200
        found.setdefault(answer.headers["X-Model-Version"], set()).add(request_id)
    return found


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Every line that was logged."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def metrics(capsys: pytest.CaptureFixture[str], name: str) -> float:
    """The sum of a metric over all that was logged."""
    return sum(line.get(name, 0) for line in logged(capsys))


def sets_of(line: dict[str, Any], metric: str) -> list[list[str]]:
    """The sets of dimensions under which a line counts a metric."""
    directives = line["_aws"]["CloudWatchMetrics"]
    return [
        dimensions
        for directive in directives
        if metric in {definition["Name"] for definition in directive["Metrics"]}
        for dimensions in directive["Dimensions"]
    ]


def test_requests_are_shared_and_stay_where_they_are(registry: Registry) -> None:
    """Both versions answer, each with its numbers; an id keeps its version, also while the canary widens."""
    stable, canary = publish(registry), publish(registry, 2, promote=False)
    call = Caller(tiny_model.endpoint())
    registry.canary(NAME, canary, 30, **WHO)
    first = by_version(call)
    assert set(first) == {stable, canary}
    for version, scale in ((stable, 1), (canary, 2)):
        answer = ask(call, min(first[version]))
        assert answer.json["predictions"][0]["volume"] == pytest.approx(scale * EXPECTED[0])
    assert by_version(call) == first
    registry.canary(NAME, canary, 70, **WHO)
    assert first[canary] < by_version(call)[canary]
    registry.promote(NAME, canary, **WHO)
    assert set(by_version(call)) == {canary}


def test_withdrawn_canary_answers_nobody(registry: Registry) -> None:
    """From the next look at the pointer on everybody gets stable."""
    stable, canary = publish(registry), publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 99, **WHO)
    call = Caller(tiny_model.endpoint())
    assert canary in by_version(call)
    registry.withdraw(NAME, **WHO)
    assert set(by_version(call)) == {stable}


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_answer_says_who_gave_it(registry: Registry, path: str) -> None:
    """Both dialects name version and request in headers, V2 the version in the document too."""
    publish(registry)
    canary = publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 99, **WHO)
    name = drawn(canary, registry)[0]
    answer = ask(Caller(tiny_model.endpoint()), name, path)
    assert (answer.headers["X-Model-Version"], answer.headers["X-Request-Id"]) == (canary, name)
    if path == INFER:
        assert answer.json["model_version"] == canary
        assert "id" not in answer.json


@pytest.mark.parametrize("sent", [None, "", "x" * 129, "two words", "caf\u00e9", "tab\t"])
def test_gateways_id_where_the_caller_gives_none(registry: Registry, sent: str | None) -> None:
    """What is no id of 1 to 128 visible ASCII characters is not taken for one."""
    publish(registry)
    answer = ask(Caller(tiny_model.endpoint()), sent)
    assert answer.headers["X-Request-Id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.mark.usefixtures("registry")
def test_refusals_carry_the_id_too() -> None:
    """A caller who is refused can tell which request it was."""
    call = Caller(tiny_model.endpoint())
    for path in (PREDICT, INFER, "/v1/nowhere"):
        answer = call("POST", path, {"nothing": 1}, {"x-request-ID": "me-2"})
        assert answer.status >= 400
        assert answer.headers["X-Request-Id"] == "me-2"


def test_invocations_share_by_lambdas_id(registry: Registry) -> None:
    """A function that is invoked directly takes the invocation's id."""
    stable, canary = publish(registry), publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 50, **WHO)
    handler = tiny_model.endpoint()
    answers = [handler(BODY, Context(aws_request_id=request_id))["model_version"] for request_id in IDS]
    assert set(answers) == {stable, canary}
    assert answers == [handler(BODY, Context(aws_request_id=name))["model_version"] for name in IDS]


def test_named_versions_and_files_know_no_shares(registry: Registry) -> None:
    """Who names a version gets it from every id; rows of a file stay with the version they are pinned to."""
    stable, canary = publish(registry), publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 50, **WHO)
    call = Caller(tiny_model.endpoint())
    for version in (stable, canary):
        path = f"/v1/models/{NAME}/versions/{version}:predict"
        assert {ask(call, name, path).headers["X-Model-Version"] for name in IDS[:10]} == {version}


BROKEN: dict[str, dict[str, Any]] = {
    "golden": {"golden": Golden(instances=INSTANCES[:1], predictions=[{"volume": 1.0}], tolerance=0.1)},
    "features": {"feature_names": tiny_model.FEATURES[::-1]},
}


@pytest.mark.parametrize("fault", BROKEN)
def test_canary_that_cannot_be_loaded_costs_nobody_an_answer(
    registry: Registry, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its share falls to stable, and every request that was its turn is counted and logged."""
    stable, canary = publish(registry), publish(registry, 2, promote=False, **BROKEN[fault])
    registry.canary(NAME, canary, 50, **WHO)
    call = Caller(tiny_model.endpoint())
    assert set(by_version(call)) == {stable}
    assert metrics(capsys, "CanaryFailed") == len(drawn(canary, registry)) > 0
    # Broken bytes are not loaded again for each request.
    assert watch_reads(registry) == 2


def watch_reads(registry: Registry) -> int:
    """How many artifacts a shelf reads in three looks at the pointer."""
    assert registry.production(NAME)
    watched = watch()
    for _ in range(3):
        watched.shelf.traffic()
        watched.now[0] += 10
    return watched.store.artifacts_read


def test_broken_canary_is_tried_again_after_a_minute(registry: Registry) -> None:
    """The bytes may have been damaged on their way; a canary that is whole then takes its share."""
    publish(registry)
    canary = publish(registry, 2, promote=False)
    key = registry.manifest(NAME, canary).artifact.key
    whole = registry.store.read(key).body
    registry.canary(NAME, canary, 99, **WHO)
    registry.store.put(key, whole[:-1])
    watched = watch()
    trial = watched.shelf.traffic().trial
    assert trial is not None
    assert not isinstance(trial.served, Served)
    registry.store.put(key, whole)
    watched.now[0] = 59
    assert watched.shelf.traffic().trial == trial
    watched.now[0] = 90
    trial = watched.shelf.traffic().trial
    assert trial is not None
    assert isinstance(trial.served, Served)


class Crashing:
    """A session that fails in a given way when it is asked, or answers nonsense."""

    width = len(tiny_model.FEATURES)

    def __init__(self, how: str) -> None:
        self.how = how

    def run(self, matrix: Any) -> Columns:
        match self.how:
            case "crash":
                raise ZeroDivisionError
            case "ours":
                raise BrokenArtifact("gone")
            case _:
                return {"volume": np.full((len(matrix), 1), np.nan, dtype=np.float32)}


@pytest.mark.parametrize("how", ["crash", "ours", "no number"])
def test_canary_that_fails_on_a_request_is_replaced_by_stable(
    registry: Registry, how: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gets stable's answer; that the canary has none for a good record is its own failure.

    What alarms look at says so: all requests of the canary's track failed, of the service as a whole none.
    """
    stable, canary = publish(registry), publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 99, **WHO)
    handler = tiny_model.endpoint()
    trial = handler.predictor.shelf.traffic().trial
    assert trial is not None
    assert isinstance(trial.served, Served)
    broken = Served(trial.served.manifest, trial.served.contract, Crashing(how), 0.0)  # type: ignore[arg-type]
    monkeypatch.setitem(handler.predictor.shelf._held, broken.manifest.digest, broken)
    ids = drawn(canary, registry)[:10]
    answers = [ask(Caller(handler), name) for name in ids]
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["X-Model-Version"] for answer in answers} == {stable}
    assert answers[0].json["predictions"][0]["volume"] == pytest.approx(EXPECTED[0])
    tracks = [
        (line.get("track"), line["Requests"], line["Failed"], sets_of(line, "Failed"))
        for line in logged(capsys)
        if "Requests" in line
    ]
    whole = ["environment", "service"]
    assert Counter((track, requests, failed) for track, requests, failed, _ in tracks) == {
        ("canary", 1, 1): len(ids),
        ("stable", 1, 0): len(ids),
    }
    assert all((whole in sets) == (track == "stable") for track, _, _, sets in tracks)


def test_callers_faults_are_not_the_canarys(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad request is refused alike by all versions and counts against none."""
    publish(registry)
    registry.canary(NAME, publish(registry, 2, promote=False), 99, **WHO)
    call = Caller(tiny_model.endpoint())
    bad = [{}, {"instances": []}, {"instances": [{**INSTANCES[0], "lanes": 99}]}]
    statuses = Counter(call("POST", PREDICT, body, {"X-Request-Id": "a"}).status for body in bad)
    assert set(statuses) <= {400, 422}
    assert metrics(capsys, "CanaryFailed") == 0


def test_record_that_no_version_can_compute_is_the_callers(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where stable has no finite answer either, the record is refused and the canary is not blamed."""
    huge = Golden(instances=INSTANCES[:1], predictions=[{}], tolerance=1.0)
    publish(registry, 1.2e35, golden=huge)
    registry.canary(NAME, publish(registry, 1.3e35, promote=False, golden=huge), 99, **WHO)
    call = Caller(tiny_model.endpoint())
    with np.errstate(over="ignore"):
        answer = call("POST", PREDICT, {"instances": [tiny_model.instance(speeds=[200, 200])]})
    assert answer.status == 422
    assert metrics(capsys, "CanaryFailed") == 0


def test_silence_of_the_registry_leaves_the_share(registry: Registry) -> None:
    """What the pointer said last goes on: stable and canary are held, and nothing is read."""
    publish(registry)
    canary = publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 50, **WHO)
    watched = watch()
    before = watched.shelf.traffic()
    watched.store.silent = True
    watched.now[0] = 30
    assert watched.shelf.traffic() == before
    assert before.trial is not None


def test_trial_ends_though_the_new_stable_is_broken(registry: Registry) -> None:
    """A pointer is followed as far as it goes: a withdrawn canary does not answer on."""
    first = publish(registry)
    canary = publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 50, **WHO)
    watched = watch()
    assert watched.shelf.traffic().trial is not None
    registry.promote(NAME, publish(registry, 3, promote=False, **BROKEN["golden"]), **WHO)
    registry.withdraw(NAME, **WHO)
    watched.now[0] = 30
    traffic = watched.shelf.traffic()
    assert (traffic.stable.version, traffic.trial) == (first, None)
    assert len(watched.reports) == 1


def test_promoted_canary_is_not_loaded_again(registry: Registry) -> None:
    """It is held already; what was stable stays at hand for a rollback, and so do the last named versions."""
    publish(registry)
    canary = publish(registry, 2, promote=False)
    registry.canary(NAME, canary, 50, **WHO)
    watched = watch()
    watched.shelf.traffic()
    registry.promote(NAME, canary, **WHO)
    watched.now[0] = 30
    assert watched.shelf.traffic().stable.version == canary
    registry.rollback(NAME, **WHO)
    watched.now[0] = 60
    assert watched.volume() == pytest.approx(EXPECTED[0])
    assert watched.store.artifacts_read == 2


def test_versions_that_serve_are_never_let_go(registry: Registry) -> None:
    """Two versions for callers who name one are kept beside stable and canary, however many are asked for."""
    publish(registry)
    registry.canary(NAME, publish(registry, 2, promote=False), 50, **WHO)
    watched = watch()
    before = watched.shelf.traffic()
    for scale in (3, 4, 5, 6):
        watched.shelf.version(publish(registry, scale, promote=False))
    assert len(watched.shelf._held) == 4
    reads = watched.store.artifacts_read
    watched.now[0] = 30
    assert watched.shelf.traffic() == before
    assert watched.store.artifacts_read == reads
