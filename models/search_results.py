"""A search over many machines: each leaves what it found in the registry's bucket, one chooses from it all.

Every result is an object of its own, written once: a repeated job finds its result and has nothing to do, and
of two attempts at the same time the first one counts.
"""

import json
import re
from typing import Any

from pydantic import ValidationError

from maas.errors import AlreadyExists, ConfigurationError, KeyMissing, TrainingError
from maas.manifest import canonical_json, model_folder
from maas.store import ObjectStore
from models.trial import Progress, Trial, Trials

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


class SearchResults:
    """The results of one search, and a way to search: it reads what the jobs have left."""

    def __init__(self, store: ObjectStore, model: str, search: str) -> None:
        """`search` names the search: 1 to 128 letters, digits, `-` and `_`.

        Raises:
            ConfigurationError: It is no such name.
        """
        if _NAME.fullmatch(search) is None:
            raise ConfigurationError(f"{search[:140]!r} is no name of a search")
        self._store = store
        self._folder = f"searches/{model_folder(model).removeprefix('models/')}{search}/"

    def key(self, index: int) -> str:
        """Where the result of a candidate lies, `searches/<model>/<search>/<index>.json`."""
        return f"{self._folder}{index}.json"

    def record(self, trials: Trials, index: int) -> str:
        """Try one candidate and leave the result; what was found, in a sentence.

        A candidate that fails leaves that as its result: another attempt would fail too, and whoever chooses
        has to know which one it was.

        Raises:
            ConfigurationError: There is no such candidate.
            TrainingError: The result that is there was found with other data.
        """
        if not 0 <= index < len(trials.candidates):
            raise ConfigurationError(f"there is no candidate {index}: there are {len(trials.candidates)}")
        if self._read(index) is not None:
            self._of_plan(trials, index)
            return f"{trials.candidates[index].name}: its result is there already"
        try:
            trial = trials.evaluate(index)
            found: dict[str, Any] = {"trial": trial.model_dump(mode="json")}
            said = trials.told(trial)
        except (TrainingError, ConfigurationError) as error:
            found = {"failure": error.detail}
            said = f"failed: {error.detail}"
        try:
            self._store.put(
                self.key(index),
                canonical_json(found | {"plan": trials.plan}),
                if_none_match=True,
                content_type="application/json",
            )
        except AlreadyExists:
            self._of_plan(trials, index)
            said = f"{said}; another attempt was first and counts"
        return said

    def __call__(self, trials: Trials, progress: Progress) -> list[Trial]:
        """Every candidate's result.

        Raises:
            TrainingError: One is missing, or failed, or was found with other data; the detail names it.
        """
        found = []
        for index, candidate in enumerate(trials.candidates):
            result = self._of_plan(trials, index)
            if "failure" in result:
                raise TrainingError(result["failure"])
            try:
                trial = Trial.model_validate(result["trial"])
            except (KeyError, ValidationError) as error:
                raise TrainingError(f"{candidate.name}: {self.key(index)} holds no result") from error
            progress(trials.told(trial))
            found.append(trial)
        return found

    def _of_plan(self, trials: Trials, index: int) -> dict[str, Any]:
        name = trials.candidates[index].name
        result = self._read(index)
        if result is None:
            raise TrainingError(
                f"{name}: no result at s3://{self._store.bucket}/{self.key(index)}: the job of candidate "
                f"{index} ended before it could leave one"
            )
        if result.pop("plan") != trials.plan:
            raise TrainingError(
                f"{name}: it was tried with other data, candidates or seed than there are now; search again"
            )
        return result

    def _read(self, index: int) -> dict[str, Any] | None:
        try:
            found = json.loads(self._store.read(self.key(index)).body)
        except KeyMissing:
            return None
        except ValueError:
            found = None
        return found if isinstance(found, dict) and "plan" in found else {"plan": "damaged"}
