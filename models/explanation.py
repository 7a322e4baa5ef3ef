"""What training leaves for explanations: a background, sums read out of the graph, and global importance."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from maas.artifact import Blob
from maas.contract import Columns, Contract, Matrix
from maas.explain import target
from maas.explain.account import Account
from maas.explain.declared import Grid, Words
from maas.explain.explainer import Explainer
from maas.explain.form import MEDIA_TYPE as FORM_TYPE
from maas.explain.form import Form, Forms
from maas.explain.model import Model
from maas.explain.options import Options
from maas.explain.stored import BACKGROUND_TYPE, Explanation
from maas.explain.target import Target
from maas.explain.words import text_field
from maas.manifest import canonical_json
from maas.runtime import Session
from models import export
from models.additive import additive
from models.candidate import Fitted
from models.instances import instances
from models.optimise import rewrite
from models.recipe import Recipe
from models.table import Table

BACKGROUND_ROWS = 64
IMPORTANCE_ROWS = 32
_TEXTS = 500
_SAMPLES = 64  # pairs of orders, whatever they cost: importance must not depend on the machine
_CHECKED_ROWS = 1000
_MOST_PAIRS = 1_000_000  # of leaf and background record: more take longer than sampling
_MOST_NAMES = 40
_FEWEST_TEXTS = 5  # in which a token stands, before the manifest may name it
_KEPT = 6  # significant digits
_SUMMED = {"linear", "trees"}


@runtime_checkable
class ComputesMore(Protocol):
    """A fitted model whose graph computes more than its answers need."""

    def plain(self) -> bytes:
        """An ONNX file of the answers alone: the same outputs, but for those that are left out."""
        ...


@dataclass(frozen=True)
class Explained:
    """What the manifest says, and the bytes that it refers to."""

    explanation: Explanation
    blobs: tuple[bytes, ...] = ()


def explained(
    recipe: Recipe, fitted: Fitted, artifact: bytes, table: Table, held_out: Table, *, form: str
) -> Explained:
    """Prepare the explanations of a version.

    Args:
        recipe: Its function declares how records are looked at.
        fitted: The model that was exported.
        artifact: The ONNX file to be published.
        table: All rows.
        held_out: Rows that importance is measured on.
        form: The kind of smaller form that the artifact is in (models/optimise.py).
    """
    contract, declared, session = recipe.endpoint.contract, recipe.endpoint.explained, Session(artifact)
    chosen = _target(contract, session, held_out)
    if isinstance(declared, Grid):
        return Explained(Explanation(target=chosen.field))
    if text_field(contract) is not None:
        blank = held_out.take(np.arange(1)).columns
        explainer = Explainer(Model("training", contract, session, blank), declared)
        few = held_out if isinstance(declared, Words) else held_out.take(np.arange(min(16, len(held_out))))
        return Explained(_of_tokens(explainer, few, chosen))
    plain = rewrite(fitted.plain(), form) if isinstance(fitted, ComputesMore) else None
    background = _background(contract, session, chosen, table)
    forms = _forms(contract, session, artifact if plain is None else plain, table)
    model = Model(
        "training",
        contract,
        session,
        background,
        forms=forms,
        quick=None if plain is None else Session(plain),
    )
    accounts = _accounts(Explainer(model, declared), held_out)
    if not any(account.method in _SUMMED for account in accounts):
        forms = None  # its features mix parts of the records: they had to be sampled all the same
    found = {
        "background": (canonical_json({"instances": instances(contract, background)}), BACKGROUND_TYPE),
        "form": (forms.to_bytes(), FORM_TYPE) if forms else None,
        "graph": (plain, export.MEDIA_TYPE) if plain is not None else None,
    }
    kept = {name: one for name, one in found.items() if one is not None}
    explanation = Explanation(
        **{name: Blob.of(*one) for name, one in kept.items()},
        target=chosen.field,
        scale=accounts[0].scale,
        importance=_importance(contract, accounts),
        rows=len(accounts),
    )
    return Explained(explanation, tuple(data for data, _ in kept.values()))


def _target(contract: Contract[Any, Any], session: Session, table: Table) -> Target:
    few = table.take(np.arange(min(len(table), BACKGROUND_ROWS)))
    return target.choose(contract, session.run(contract.matrix(few.columns)))


def _background(contract: Contract[Any, Any], session: Session, chosen: Target, table: Table) -> Columns:
    """Records from equal parts of all rows in order of their answers, one of the middle of each part.

    Their mean answer is close to that of all rows, which a random draw of so few would miss.
    """
    matrix = contract.matrix(table.columns)
    answers = chosen.values(contract, session.run(matrix))
    order = np.argsort(answers, kind="stable")
    count = min(BACKGROUND_ROWS, len(order))
    middle = (np.arange(count) * 2 + 1) * len(order) // (2 * count)
    columns = dict(table.take(order[middle]).columns)
    for field in contract.fields.values():
        # What no feature is made of need not be kept of anybody.
        default = None if field.required else field.default(len(table))
        if default is None or not np.array_equal(
            contract.matrix({**table.columns, field.name: default}), matrix
        ):
            continue
        columns[field.name] = default[:count]
    return columns


def _forms(contract: Contract[Any, Any], session: Session, graph: bytes, table: Table) -> Forms | None:
    """The numbers of the prediction that are sums in the graph, checked against its answers."""
    known = additive(graph)
    if not known:
        return None
    few = table.take(np.unique(np.linspace(0, len(table) - 1, _CHECKED_ROWS).astype(np.intp)))
    matrix = contract.matrix(few.columns)
    outputs = session.run(matrix)
    made: dict[str, Form] = {}
    for name, answers in target.numbers(contract, outputs).items():
        chosen = target.choose(contract, outputs, field=name)
        output = outputs[chosen.output] if chosen.output is not None else None
        wanted = (
            {chosen.name: answers}
            if output is None
            else {f"{name}[{place}]": column for place, column in enumerate(output.T)}
        )
        for label, numbers in wanted.items():
            form = _found(known, matrix, numbers.astype(np.float64))
            if form is not None:
                made[label] = form
    leaves = sum(len(form.forest.values) for form in made.values() if form.forest is not None)
    if leaves * BACKGROUND_ROWS > _MOST_PAIRS:
        made = {label: form for label, form in made.items() if form.forest is None}
    return Forms(made) if made else None


def _found(known: Mapping[str, Sequence[Any]], matrix: Matrix, numbers: Any) -> Form | None:
    """The column of the graph that gives these numbers for n rows."""
    for columns in known.values():
        for column in columns:
            form: Form = column.form()
            if form.gives(matrix[:4], numbers[:4]) and form.gives(matrix, numbers):
                return form
    return None


def _accounts(explainer: Explainer, held_out: Table) -> list[Account]:
    """Of some held-out rows, all on one scale."""
    chosen = np.unique(np.linspace(0, len(held_out) - 1, IMPORTANCE_ROWS).astype(np.intp))
    columns = held_out.take(chosen).columns
    found = explainer.explain(columns, Options(samples=_SAMPLES))
    if len({account.scale for account in found}) > 1:
        found = explainer.explain(columns, Options("sampling", samples=_SAMPLES))
    return found


def _importance(contract: Contract[Any, Any], accounts: Sequence[Account]) -> dict[str, float]:
    """The mean size of each part's contribution."""
    sizes: defaultdict[str, float] = defaultdict(float)
    for account in accounts:
        row: defaultdict[str, float] = defaultdict(float)
        for one in account.content["attributions"]:
            row[_label(contract, one)] += one["contribution"]
        for label, contribution in row.items():
            sizes[label] += abs(contribution) / len(accounts)
    return _rounded(sizes)


def _label(contract: Contract[Any, Any], attribution: Mapping[str, Any]) -> str:
    field, piece = str(attribution["field"]), str(attribution.get("part", ""))
    if not piece or contract.fields[field].least is not None:
        return field  # the pieces of lists of several lengths are not the same in every row
    return field + (piece if piece.startswith("[") else f" {piece}")


def _of_tokens(explainer: Explainer, held_out: Table, chosen: Target) -> Explanation:
    """Tokens by the mean size of their contributions over held-out texts, where several texts have them."""
    rows = np.unique(np.linspace(0, len(held_out) - 1, _TEXTS).astype(np.intp))
    accounts: list[Account] = explainer.explain(held_out.take(rows).columns)
    sizes: defaultdict[str, float] = defaultdict(float)
    texts: Counter[str] = Counter()
    for account in accounts:
        row: defaultdict[str, float] = defaultdict(float)
        for one in account.content["tokens"]:
            row[one["token"].strip()] += one["contribution"]
        for token, contribution in row.items():
            texts[token] += 1
            sizes[token] += abs(contribution) / len(accounts)
    several = {token: size for token, size in sizes.items() if texts[token] >= _FEWEST_TEXTS}
    return Explanation(
        target=chosen.field, scale=accounts[-1].scale, importance=_rounded(several), rows=len(accounts)
    )


def _rounded(sizes: Mapping[str, float]) -> dict[str, float]:
    """The largest, without digits that mean nothing."""
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_MOST_NAMES]
    return {label: float(f"{size:.{_KEPT}g}") for label, size in ordered if size}
