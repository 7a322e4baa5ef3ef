"""What our training costs beside the plain fits that it is made of, and how a search scales with processes.

    python -m bench.training [--quick]

Overhead: the same estimators, fitted by scikit-learn and Keras themselves on the same rows of the same folds,
in turns with ours, in one process. Times are of the processor, so that a busy machine disturbs both alike.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from maas.contract import Matrix
from models.catalogue import find
from models.processes import Processes
from models.scikit import Blend, Regressor
from models.selection import choose
from models.table import Table
from models.threshold import Committee
from models.trial import Trials, one_by_one


class Fit(NamedTuple):
    """Rows to learn, and rows to answer for."""

    matrix: Matrix
    table: Table
    asked: Matrix


def silent(_: str) -> None:
    """Say nothing."""


def fits(trials: Trials) -> Iterator[tuple[int | None, Fit]]:
    """Every fit of a training: with the number of its candidate, or None where it is of the chosen one."""
    for stretch in trials.stretches:
        for fold in stretch.folds:
            learnt = stretch.table.take(fold.train)
            for index in range(len(trials.candidates)):
                yield index, Fit(stretch.matrix[fold.train], learnt, stretch.matrix[fold.test])
    for part in trials.parts:
        learnt = trials.table.take(part.train)
        yield None, Fit(trials.matrix[part.train], learnt, trials.matrix[part.test])
    yield None, Fit(trials.matrix, trials.table, trials.matrix[:0])


def ours(trials: Trials) -> int:
    """Our search, the choice, and the fit on all rows; which candidate was chosen."""
    choice = choose(trials, progress=silent)
    choice.candidate.fit(trials.matrix, trials.table, seed=trials.seed)
    return list(trials.candidates).index(choice.candidate)


def plain_regressors(trials: Trials, chosen: int) -> None:
    """The same with scikit-learn alone."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

    with threadpool_limits(1):
        for index, fit in fits(trials):
            candidate: Any = trials.candidates[chosen if index is None else index]
            for part in candidate.parts if isinstance(candidate, Blend) else [candidate]:
                _plain_regressor(part, fit, trials.seed)


def _plain_regressor(candidate: Regressor, fit: Fit, seed: int) -> None:
    matrix, target = fit.matrix, fit.table.target
    if candidate.rows is not None and len(matrix) > candidate.rows:
        some = np.sort(np.random.default_rng(seed).choice(len(matrix), candidate.rows, replace=False))
        matrix, target = matrix[some], target[some]
    estimator = candidate.make(seed).fit(matrix, target)
    if len(fit.asked):
        estimator.predict(fit.asked)


def plain_networks(trials: Trials, chosen: int) -> None:
    """The same with Keras's own `fit`: a network per member, compiled by Keras as often as it wants to be."""
    from models.keras_backend import load

    keras = load()
    for index, fit in fits(trials):
        committee: Any = trials.candidates[chosen if index is None else index]
        network = committee.member
        stretches = np.arange(len(fit.matrix)) * committee.members // len(fit.matrix)
        for number in range(committee.members):
            learnt = stretches != number
            rows, target = fit.matrix[learnt], fit.table.target[learnt]
            mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
            keras.utils.set_random_seed(trials.seed + number)
            built = network.build(keras, rows.shape[1])
            steps = -(-len(rows) // network.batch_size)
            decay = keras.optimizers.schedules.CosineDecay(network.learning_rate, network.epochs * steps)
            built.compile(optimizer=keras.optimizers.Adam(decay), loss=network.loss)
            built.fit(
                (rows - mean) / scale,
                target,
                batch_size=network.batch_size,
                epochs=network.epochs,
                verbose=0,
            )
            built.predict((fit.matrix[~learnt] - mean) / scale, verbose=0)
            if len(fit.asked):
                built.predict((fit.asked - mean) / scale, verbose=0)


def compared(name: str, trials: Trials, plain: Callable[[Trials, int], None], rounds: int) -> None:
    """Print the processor seconds of both, measured in turns."""
    taken: dict[str, list[float]] = {"plain": [], "ours": []}
    chosen = 0
    for number in range(rounds):
        # Whoever begins finds the caches cold: each does so in every second round. Ours first: it chooses.
        for way in ("plain", "ours") if number % 2 else ("ours", "plain"):
            began = time.process_time()
            if way == "ours":
                chosen = ours(trials)
            else:
                plain(trials, chosen)
            taken[way].append(time.process_time() - began)
    medians = {way: statistics.median(seconds) for way, seconds in taken.items()}
    print(f"{name}: {len(trials.table):,} rows, {sum(1 for _ in fits(trials))} fits, {rounds} rounds")
    for way, seconds in taken.items():
        print(
            f"  {way:6} {medians[way]:8.2f} s of processor time  ({', '.join(f'{s:.2f}' for s in seconds)})"
        )
    print(f"  ratio  {medians['ours'] / medians['plain']:8.3f}")


def overhead(*, quick: bool) -> None:
    """Both frameworks, each with a real model on its sample."""
    rounds = 2 if quick else 4
    compared("traffic_flow, scikit-learn", Trials.of(find("traffic_flow")), plain_regressors, rounds)
    congestion = find("congestion")
    committees = [one for one in congestion.candidates if isinstance(one, Committee)]
    networks = [one for one in committees if one.name == congestion.preferred]
    trials = Trials.of(replace(congestion, candidates=networks))
    compared("congestion, Keras on JAX", trials, plain_networks, rounds)


def scaling(*, quick: bool) -> None:
    """Print how long a search takes one by one and over one and two processes."""
    wide = find("traffic_flow").widened()
    trials = Trials.of(replace(wide, candidates=wide.candidates[: 8 if quick else None]))
    ways: list[tuple[str, Callable[[], Any]]] = [
        ("one by one", lambda: one_by_one(trials, silent)),
        ("one process", lambda: Processes(1)(trials, silent)),
        ("two processes", lambda: Processes(2)(trials, silent)),
    ]
    print(f"search of traffic_flow: {len(trials.candidates)} candidates, {len(trials.table):,} rows")
    found: list[Any] = []
    first = 0.0
    for name, work in ways:
        began = time.perf_counter()
        found.append([(one.candidate, one.scores) for one in work()])
        seconds = time.perf_counter() - began
        first = first or seconds
        print(f"  {name:14} {seconds:7.1f} s  {first / seconds:5.2f} times as fast")
    if any(one != found[0] for one in found):
        raise AssertionError("the ways disagree")
    print("  the same scores, to the last bit")


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    overhead(quick=quick)
    scaling(quick=quick)


if __name__ == "__main__":
    main()
