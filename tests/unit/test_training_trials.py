"""Trials: one after the other, over processes and from results give the same choice, bit for bit."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import boto3
import numpy as np
import pytest

from maas.contract import Matrix
from maas.errors import ConfigurationError, DataError, TrainingError
from maas.store import ObjectStore
from models import processes
from models.candidate import Candidate
from models.catalogue import find
from models.job import train
from models.processes import Processes
from models.scikit import Regressor
from models.search_results import SearchResults
from models.selection import Search, choose
from models.table import Table
from models.traffic_flow.simulation import simulate
from models.trial import Trial, Trials, one_by_one

MODEL, SEED = "traffic_flow", 3
FLOW = find(MODEL)


def trials(candidates: Sequence[Candidate] = FLOW.candidates[:2], days: int = 42) -> Trials:
    """The real recipe on six weeks of simulated data."""
    return Trials.of(replace(FLOW, candidates=candidates, sample=lambda seed: simulate(seed, days=days)))


def silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Broken:
    """A candidate whose fit always fails."""

    name: str = "broken"
    hyperparameters: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "hyperparameters", {})

    def fit(self, matrix: Matrix, table: Table, *, seed: int) -> Any:
        """Fail as libraries do."""
        del matrix, table, seed
        raise ValueError("no numbers to be seen")


@dataclass(frozen=True)
class Absent(Broken):
    """A candidate whose framework is not installed."""

    name: str = "absent"

    def missing(self) -> str:
        """What to install."""
        return "install it"


def assert_same(one: Search, other: Search, asked: Trials) -> None:
    """Both ways give the same scores and the same model."""
    first, second = (choose(asked, progress=silent, search=search) for search in (one, other))
    assert [trial.model_dump() for trial in first.tried] == [trial.model_dump() for trial in second.tried]
    assert first.candidate.name == second.candidate.name
    assert first.fitted.to_onnx() == second.fitted.to_onnx()


def test_processes_give_the_same_bits() -> None:
    """Two processes find what one finds: every score to the last bit, and so the same model."""
    asked = trials()
    said: list[str] = []
    here = one_by_one(asked, silent)
    there = Processes(2)(asked, said.append)
    assert [(one.candidate, one.scores) for one in here] == [(one.candidate, one.scores) for one in there]
    assert sorted(said) == sorted(map(asked.told, there))
    assert_same(lambda *_: here, lambda *_: there, asked)


def test_a_process_that_would_find_another_recipe_says_so() -> None:
    """A recipe that is not the checkout's is refused; the checkout's is not tried in its place."""
    changed = replace(FLOW.candidates[0], settings={"C": 1.0})
    with pytest.raises(ConfigurationError, match="not the one of the checkout"):
        Processes(1)(trials([changed]), silent)


def test_a_process_that_is_killed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system ends a process, the candidates without a result are named."""
    monkeypatch.setattr(processes, "_evaluate", os._exit)
    with pytest.raises(TrainingError, match=r"ended from outside.*support vectors, random forest$"):
        Processes(1)(trials(), silent)


def test_a_failing_candidate_is_named() -> None:
    """Whatever its fit raises becomes one error with its name in front."""
    with pytest.raises(TrainingError, match=r"^broken: ValueError: no numbers to be seen$"):
        one_by_one(trials([FLOW.candidates[0], Broken()]), silent)


def test_a_candidate_that_cannot_be_fitted_here_is_told_and_passed_over() -> None:
    """It is not a failure, and it is not silent; if nothing is left, that is an error with the reason."""
    said: list[str] = []
    asked = trials([Absent(), FLOW.candidates[1]])
    choice = choose(asked, progress=said.append)
    assert said[0] == "left out: absent: install it"
    assert choice.candidate is asked.candidates[1]
    assert [one.name for one in choice.tried] == ["random forest"]
    with pytest.raises(ConfigurationError, match="absent: install it"):
        choose(trials([Absent()]), progress=silent)


def test_an_undefined_score_is_a_fault_of_the_data() -> None:
    """A score that a fold cannot give is named, with the candidate."""
    asked = trials(FLOW.candidates[1:2])
    broken = replace(asked.recipe, metrics=lambda *_: {})
    with pytest.raises(DataError, match=r"^random forest: rmse is not defined on \d+ rows of a fold$"):
        one_by_one(Trials(broken, asked.table, asked.matrix, SEED), silent)


@pytest.fixture
def store(models_bucket: str) -> ObjectStore:
    """The registry's bucket."""
    return ObjectStore(models_bucket, boto3.client("s3"))


def test_results_left_in_the_bucket_give_the_same_choice(store: ObjectStore) -> None:
    """Each candidate by itself, in any order, read back: scores and model are those of one process."""
    asked = trials()
    for index in (1, 0):
        SearchResults(store, MODEL, "s-1").record(trials(), index)
    assert [*store.list("searches/")] == [f"searches/{MODEL}/s-1/{index}.json" for index in (0, 1)]
    assert_same(one_by_one, SearchResults(store, MODEL, "s-1"), asked)


def test_a_repeated_job_computes_and_writes_nothing(store: ObjectStore) -> None:
    """A retry finds its result; of two attempts at once the first one counts, whatever the second found."""
    results = SearchResults(store, MODEL, "s")
    results.record(trials(), 1)
    first = store.read(results.key(1))
    assert results.record(trials(), 1) == "random forest: its result is there already"

    class Slower(SearchResults):
        looks = 0

        def _read(self, index: int) -> Any:
            self.looks += 1
            return None if self.looks == 1 else super()._read(index)

    assert Slower(store, MODEL, "s").record(trials(), 1).endswith("another attempt was first and counts")
    assert store.read(results.key(1)) == first


def test_missing_and_failed_results_name_their_candidate(store: ObjectStore) -> None:
    """What is chosen from is complete, or the candidate that is not there is named with the reason."""
    asked = trials([FLOW.candidates[1], Broken()])
    results = SearchResults(store, MODEL, "s")
    results.record(asked, 0)
    with pytest.raises(TrainingError, match=r"broken: no result at s3://.*/1\.json: the job of candidate 1"):
        results(asked, silent)
    assert results.record(asked, 1) == "failed: broken: ValueError: no numbers to be seen"
    with pytest.raises(TrainingError, match=r"^broken: ValueError: no numbers to be seen$"):
        results(asked, silent)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"plan": "PLAN"}', b'{"plan": "PLAN", "trial": {"scores": [[NaN]]}}']
)
def test_a_damaged_result_is_no_result(store: ObjectStore, body: bytes) -> None:
    """Whatever else lies where a result should be is refused, with the candidate's name."""
    asked = trials(FLOW.candidates[1:2])
    results = SearchResults(store, MODEL, "s")
    store.put(results.key(0), body.replace(b"PLAN", asked.plan.encode()))
    with pytest.raises(TrainingError, match=r"^random forest: "):
        results(asked, silent)


def test_results_of_other_data_are_refused(store: ObjectStore) -> None:
    """Scores found with other rows, another seed or other candidates never decide."""
    results = SearchResults(store, MODEL, "s")
    asked = trials(FLOW.candidates[1:2])
    results.record(asked, 0)
    other = Regressor("random forest", "vehicles_per_hour", lambda _: None, {"trees": 31})
    for changed in (
        trials(FLOW.candidates[1:2], days=49),
        Trials(asked.recipe, asked.table, asked.matrix, SEED + 1),
        trials([other]),
    ):
        with pytest.raises(TrainingError, match="random forest: it was tried with other data"):
            results(changed, silent)
        with pytest.raises(TrainingError, match="random forest: it was tried with other data"):
            results.record(changed, 0)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "x" * 129])
def test_a_search_has_a_plain_name(store: ObjectStore, name: str) -> None:
    """Nothing in a search's name can lead its results elsewhere."""
    with pytest.raises(ConfigurationError, match="no name of a search"):
        SearchResults(store, MODEL, name)


def test_a_number_beyond_the_candidates_is_refused(store: ObjectStore) -> None:
    """An array that is larger than the recipe has one clear error."""
    with pytest.raises(ConfigurationError, match="there is no candidate 2: there are 2"):
        SearchResults(store, MODEL, "s").record(trials(), 2)


def test_scores_survive_json_to_the_last_bit() -> None:
    """What a job leaves is read as exactly the numbers it found."""
    numbers = np.random.default_rng(0).normal(0, 1e3, 200) ** 3
    trial = Trial(candidate="c", scores=(tuple(numbers.tolist()),))
    assert Trial.model_validate_json(trial.model_dump_json()).scores == trial.scores


def test_a_wider_search_tries_the_grid_too() -> None:
    """The grid's candidates have names and settings of their own, and plain training does not try them."""
    wide = FLOW.widened()
    names = [one.name for one in wide.candidates]
    assert names[: len(FLOW.candidates)] == [one.name for one in FLOW.candidates]
    assert len(names) == len(set(names)) == len(FLOW.candidates) + len(FLOW.grid)
    assert "support vectors, C 80000, gamma 0.02, epsilon 100" in names
    settings = [str(dict(one.hyperparameters)) for one in wide.candidates if "vectors" in one.name]
    assert len(settings) == len(set(settings)) == 18
    found = trials(wide.candidates[-1:]).evaluate(0)
    assert found.candidate == "random forest, max_depth 18, min_samples_leaf 5, max_features 0.6"
    assert len(found.scores[0]) == 3


def test_training_takes_its_choice_from_a_search(store: ObjectStore) -> None:
    """The whole training from results is the training without them, to the artifact's digest."""
    asked = trials()
    results = SearchResults(store, MODEL, "s")
    for index in range(2):
        results.record(asked, index)
    plain = train(asked.recipe, search=one_by_one)
    searched = train(asked.recipe, search=results)
    assert searched.manifest.artifact == plain.manifest.artifact
    assert searched.manifest.candidates == plain.manifest.candidates
