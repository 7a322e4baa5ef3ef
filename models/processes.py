"""A search over processes of this computer: the same trials as one after the other, several at a time."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from maas.contract import Matrix
from maas.errors import ConfigurationError, TrainingError
from models.table import Table
from models.trial import Progress, Trial, Trials


@dataclass(frozen=True)
class Processes:
    """A search with up to `jobs` candidates at a time, each in a process of its own.

    Recipes hold functions, which do not travel: a process finds its recipe by the model's name, so only
    models of this checkout can be searched over processes.
    """

    jobs: int

    def __call__(self, trials: Trials, progress: Progress) -> list[Trial]:
        """Every trial, in the candidates' order.

        Raises:
            TrainingError: A candidate failed, or its process was ended; the detail names it.
        """
        count = len(trials.candidates)
        found: dict[int, Trial] = {}
        # Fresh processes: a forked one would share the locks of whatever runs threads here.
        context = multiprocessing.get_context("spawn")
        task = _Task(
            model=trials.recipe.model,
            candidates=tuple(one.name for one in trials.candidates),
            table=trials.table,
            matrix=trials.matrix,
            seed=trials.seed,
            plan=trials.plan,
        )
        with ProcessPoolExecutor(
            max(1, min(self.jobs, count)), mp_context=context, initializer=_take, initargs=(task,)
        ) as pool:
            running = {pool.submit(_evaluate, index): index for index in range(count)}
            try:
                for done in as_completed(running):
                    trial = done.result()
                    found[running[done]] = trial
                    progress(trials.told(trial))
            except BrokenProcessPool as error:
                unfinished = [one.name for index, one in enumerate(trials.candidates) if index not in found]
                raise TrainingError(
                    f"A process was ended from outside, by lack of memory perhaps, before it could judge one "
                    f"of: {', '.join(unfinished)}"
                ) from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        return [found[index] for index in range(count)]


class _Task(NamedTuple):
    """What a process needs to make the same trials."""

    model: str
    candidates: tuple[str, ...]
    table: Table
    matrix: Matrix
    seed: int
    plan: str

    def trials(self) -> Trials:
        """The same trials as those of the process that sent this.

        Raises:
            ConfigurationError: They were of a recipe that is not the checkout's.
        """
        from models.catalogue import find

        widened = find(self.model).widened()
        known = {one.name: one for one in widened.candidates}
        if known.keys() >= set(self.candidates):
            recipe = replace(widened, candidates=[known[name] for name in self.candidates])
            trials = Trials(recipe, self.table, self.matrix, self.seed)
            if trials.plan == self.plan:
                return trials
        raise ConfigurationError(
            f"{self.model}: this recipe is not the one of the checkout, which other processes would find"
        )


_taken: list[_Task] = []


def _take(task: _Task) -> None:
    _taken.append(task)


@cache
def _trials() -> Trials:
    return _taken[0].trials()


def _evaluate(index: int) -> Trial:
    # Made here and not when the process starts, where an error would only break the pool.
    return _trials().evaluate(index)
