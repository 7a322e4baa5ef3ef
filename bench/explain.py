"""What explaining one record costs, model by model, and how good its samples are.

    python -m bench.explain [--versions DIR] [MODEL ...]

With `--versions` the folder that `maas train MODEL --data ... --out DIR` wrote; without it each model is
trained on its own simulated sample, with one candidate. Seconds are of processor time, so that others on the
machine do not count.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.artifact import Blob
from maas.contract import Columns
from maas.explain import target
from maas.explain.account import Account
from maas.explain.explainer import Explainer
from maas.explain.game import RecordGame
from maas.explain.model import Model
from maas.explain.options import Options
from maas.explain.parts import shares
from maas.explain.shapley import Sampled
from maas.manifest import Manifest
from maas.runtime import Session
from models.catalogue import discover, find
from models.job import train

_REPEATS = 5
_RECORDS = 8
_REFERENCE = 2048  # pairs: what estimators are judged by
_ROWS = 4000


class Version(NamedTuple):
    """What it takes to load a version."""

    manifest: Manifest
    artifact: bytes
    blobs: Mapping[Blob, bytes]


def from_folder(folder: Path, name: str) -> Version:
    """A version that `maas train --out` wrote."""
    manifest = Manifest.from_json((folder / f"{name}.json").read_bytes())
    artifact = manifest.artifact.verify((folder / f"{name}.onnx").read_bytes())
    blobs = {
        blob: blob.verify((folder / f"{name}.{blob.digest[:12]}").read_bytes()) for blob in manifest.blobs[1:]
    }
    return Version(manifest, artifact, blobs)


def from_sample(name: str) -> Version:
    """A version trained on rows of the recipe's sample, with its last candidate that needs no framework."""
    recipe = find(name)
    table = recipe.sample(0)
    rows = np.unique(np.linspace(0, len(table) - 1, _ROWS).astype(np.intp))
    last = [one for one in recipe.candidates if not hasattr(one, "missing")][-1]
    model = train(replace(recipe, sample=lambda _: table.take(rows), candidates=[last]))
    return Version(
        model.manifest, model.artifact, dict(zip(model.manifest.blobs[1:], model.blobs, strict=True))
    )


def loaded(name: str, version: Version) -> Model:
    """As the function loads it."""
    contract = find(name).endpoint.contract
    return Model.load(contract, version.manifest, Session(version.artifact), version.blobs.__getitem__)


def measure(name: str, version: Version) -> None:
    """Print a row of the first table."""
    endpoint = find(name).endpoint
    explainer = Explainer(loaded(name, version), endpoint.explained)
    records = endpoint.contract.parse(version.manifest.golden.instances)
    count = min(_RECORDS, len(next(iter(records.values()))))
    explainer.explain({key: column[:1] for key, column in records.items()})
    seconds, accounts = [], []
    for row in range(count):
        own = {key: column[row : row + 1] for key, column in records.items()}
        for _ in range(_REPEATS):
            started = time.process_time()
            (account,) = explainer.explain(own)
            seconds.append((time.process_time() - started) * 1000)
        accounts.append(account)
    local = _milliseconds(lambda: explainer.explain(own, Options("lime")))
    evaluations = statistics.median(account.evaluations for account in accounts)
    print(
        f"| {name} | {' / '.join(sorted({account.method for account in accounts}))} | {_parts(accounts[0])} "
        f"| {evaluations:.0f} | {statistics.median(seconds):.1f} | {max(seconds):.1f} | {_error(accounts)} "
        f"| {local:.1f} |",
        flush=True,
    )


def _milliseconds(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _parts(account: Account) -> int:
    content = account.content
    if "map" in content:
        rows, columns = content["map"]["shape"]
        return int(rows * columns)
    return len(content.get("attributions", content.get("tokens", [])))


def _error(accounts: list[Account]) -> str:
    """The reported error of the largest contribution, as a share of it; the median record's."""
    shares_ = [
        one["error"] / abs(one["contribution"])
        for account in accounts
        for one in account.content.get("attributions", [])[:1]
        if one["contribution"]
    ]
    if not shares_ or not any(shares_):
        return "0" if shares_ else "-"
    return f"{statistics.median(shares_):.1%}"


def compare(name: str, version: Version) -> None:
    """Print a row of the second table: two ways of sampling, at equal numbers of evaluations."""
    model = loaded(name, version)
    contract = model.contract
    records = contract.parse(version.manifest.golden.instances)
    errors: dict[str, dict[int, list[float]]] = {"orders": {}, "kernel": {}}
    for row in range(3):
        own = {key: column[row : row + 1] for key, column in records.items()}
        game = game_of(model, own)
        active = game.active
        if len(active) < 3:  # noqa: PLR2004 - nothing to sample
            continue
        truth = orders(game, active, _REFERENCE, 99)
        scale = np.abs(truth).max()
        for pairs in (16, 64):
            for seed in range(4):
                for kind, sample in (("orders", orders), ("kernel", kernel)):
                    found = sample(game, active, pairs, seed)
                    errors[kind].setdefault(pairs, []).append(
                        float(np.sqrt(((found - truth) ** 2).mean()) / scale)
                    )
    if errors["orders"]:
        cells = [f"{statistics.mean(errors[kind][pairs]):.1%}" for pairs in (16, 64) for kind in errors]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def game_of(model: Model, own: Columns) -> RecordGame:
    """The game of one record."""
    contract = model.contract
    outputs = model.whole(contract.matrix(own))
    together = {key: np.concatenate([outputs[key], column]) for key, column in model.outputs.items()}
    chosen = target.choose(contract, together)
    values = chosen.values(contract, together)

    def answer(columns: Columns) -> NDArray[np.float64]:
        return chosen.values(contract, model.quick(contract.matrix(columns)))

    return RecordGame(own, shares(contract, own, model.background), float(values[0]), values[1:], answer)


def orders(game: RecordGame, active: NDArray[np.intp], pairs: int, seed: int) -> NDArray[np.float64]:
    """Orders and their reverse, as maas.explain.shapley takes them."""
    sampled = Sampled(game, active, np.random.default_rng(seed))
    sampled.take(pairs)
    return sampled.result(game.value - float(game.bases.mean()))[0]


def kernel(game: RecordGame, active: NDArray[np.intp], pairs: int, seed: int) -> NDArray[np.float64]:
    """Kernel SHAP with paired coalitions: least squares under the constraint of the sum.

    As many evaluations as `orders` with so many pairs. Source: I. Covert and S.-I. Lee, "Improving
    KernelSHAP: practical Shapley value estimation using linear regression", AISTATS 2021.
    """
    source, count = np.random.default_rng(seed), len(active)
    samples = pairs * (count - 1)
    sizes = np.arange(1, count)
    likely = 1 / (sizes * (count - sizes))
    size = source.choice(sizes, samples, p=likely / likely.sum())
    chosen = np.argsort(np.argsort(source.random((samples, count)), axis=1), axis=1) < size[:, None]
    rows = np.concatenate(
        [source.permutation(len(game.bases)) for _ in range(-(-samples // len(game.bases)))]
    )
    kept = np.zeros((2, samples, game.players), np.bool_)
    kept[0][:, active], kept[1][:, active] = chosen, ~chosen
    values = game.play(kept.reshape(-1, game.players), np.tile(rows[:samples], 2)).reshape(2, samples)
    design, wanted = chosen - 0.5, (values[0] - values[1]) / 2
    inverse = np.linalg.pinv(design.T @ design)
    free, ones = inverse @ (design.T @ wanted), inverse.sum(axis=1)
    total = game.value - float(game.bases.mean())
    return np.asarray(free - ones * (free.sum() - total) / ones.sum())


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.explain", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="by default every one")
    parser.add_argument("--versions", type=Path, metavar="DIR", help="what `maas train --out DIR` wrote")
    options = parser.parse_args()
    versions = {}
    for name in options.models or discover():
        versions[name] = from_folder(options.versions, name) if options.versions else from_sample(name)
    print(
        "| model | method | parts | evaluations | ms, median | ms, most | error of the largest | ms, LIME |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name, version in versions.items():
        measure(name, version)
    print("\n| model | orders, 16 pairs | Kernel SHAP | orders, 64 pairs | Kernel SHAP |")
    print("|---|---:|---:|---:|---:|")
    for name, version in versions.items():
        told = version.manifest.explanation
        if told is not None and told.background is not None:
            compare(name, version)


if __name__ == "__main__":
    main()
