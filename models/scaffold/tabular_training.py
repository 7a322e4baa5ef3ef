"""Source of a train.py that learns one column of a CSV file."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.scaffold.code import literal, one_line, sequence
from models.scaffold.parts import title_of

_REGRESSORS = """\
def _ridge(seed: int) -> Any:
    del seed  # nothing in it is random
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge(alpha=1.0))


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(50, min_samples_leaf=3, max_features=0.5, random_state=seed, n_jobs=1)


def _boosted_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(max_iter=100, random_state=seed, early_stopping=False)
"""
_CLASSIFIERS = """\
def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed))


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(50, min_samples_leaf=3, random_state=seed, n_jobs=1)


def _boosted_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=100, random_state=seed, early_stopping=False)
"""
_TRIED = (
    ("random forest", "_random_forest", '{"trees": 50, "min_samples_leaf": 3}'),
    ("boosted trees", "_boosted_trees", '{"iterations": 100}'),
)


def train(
    *,
    name: str,
    data: str,
    summary: str,
    readers: Sequence[str],
    values: Sequence[str],
    required: Sequence[str],
    ranges: Mapping[str, Sequence[Any]],
    target: str,
    target_is_text: bool,
    target_is_bool: bool,
    output: str | None,
    moments: tuple[float, float],
    time: tuple[str, str, str] | None,
) -> str:
    """The source.

    Args:
        name: The model's.
        data: The file's name.
        summary: One line for people.
        readers: Functions of models.csv_values in use.
        values: Lines that read each field's values.
        required: The file's columns.
        ranges: What each field held.
        target: The column to learn.
        target_is_text: Whether it is text as it stands.
        target_is_bool: Whether it is true or false.
        output: The prediction's field of a number; None: the target is a label.
        moments: Mean and standard deviation of the number.
        time: Field, column and unit of time that rows are ordered by.
    """
    text = _Text(name, output, time)
    read = _target(text=target_is_text, boolean=target_is_bool, number=output is not None)
    used = sorted({*readers, *(["integers"] if "integers(" in read else []), "labelled"})
    ordered = "" if time is None else f", time={literal(time[1])}"
    drawn = f"number={moments!r}" if output is not None else "classes=LABELS"
    lines = [
        f'"""Training of {name} on tables like {data}."""',
        "",
        "from typing import Any",
        "",
        *(["import numpy as np", ""] if "np." in read else []),
        *sorted(text.imports(used)),
        "",
        f"_TARGET = {literal(target)}",
        sequence("_COLUMNS = ", required, name="_TARGET"),
        f"# What {data} held, by field; the sample is drawn from it.",
        "_RANGES: dict[str, tuple[float | str, ...]] = {",
        *(sequence(f'    "{field}": ', span, ",") for field, span in ranges.items()),
        "}",
        "",
        "",
        "def load(source: Source) -> Table:",
        f'    """Read a table with the columns of {data}.',
        "",
        "    Raises:",
        "        DataError: The file is no such table.",
        '    """',
        "    file = CsvFile.parse(source, required=_COLUMNS)",
        "    values: dict[str, list[Any]] = {",
        *values,
        "    }",
        f"    target = {read}",
        f"    return labelled(handler.contract, source, file, values, target{ordered})",
        "",
        "",
        "def sample(seed: int) -> Table:",
        '    """A simulated table: nothing in it was measured, and no figure on it says anything."""',
        "    return simulate(",
        "        handler.contract,",
        "        _RANGES,",
        "        seed=seed,",
        f'        source="models/{name}/train.py",',
        f"        {drawn},",
        *([] if time is None else [f'        time="{time[0]}",']),
        "    )",
        "",
        "",
        _REGRESSORS if output is not None else _CLASSIFIERS,
        "",
        *text.recipe(summary, data, moments[1]),
    ]
    return "\n".join(lines) + "\n"


def _target(*, text: bool, boolean: bool, number: bool) -> str:
    if number:
        return "file.numbers(_TARGET)"
    if text:
        return "np.array(file.text(_TARGET), object)"
    if boolean:
        return "np.array([text.capitalize() for text in file.text(_TARGET)], object)"
    return "np.array([str(value) for value in integers(file, _TARGET)], object)"


class _Text:
    """The parts of the source that differ between numbers and labels."""

    def __init__(self, name: str, output: str | None, time: tuple[str, str, str] | None) -> None:
        self.name, self.output, self.time = name, output, time
        self.splitter = (
            f'TimeOrdered(n_folds=3, held_out=0.25, unit="{time[2]}")'
            if time
            else "Grouped(n_folds=3, held_out=0.25)"
            if output is not None
            else "Stratified(n_folds=3, held_out=0.25)"
        )

    def imports(self, used: Sequence[str]) -> list[str]:
        labels = "" if self.output is not None else "LABELS, "
        modules = {
            f"functions.{self.name}.handler": f"{labels}handler",
            "models.csv_file": "CsvFile",
            "models.csv_values": ", ".join(used),
            "models.recipe": "Recipe",
            "models.simulated": "simulate",
            "models.source": "Source",
            "models.table": "Table",
            "models.validation": self.splitter.partition("(")[0],
        }
        if self.output is not None:
            modules |= {
                "models.baseline": "Mean",
                "models.evaluation": "regression_metrics",
                "models.scikit": "Regressor",
            }
        else:
            modules |= {
                "models.baseline": "MostFrequent",
                "models.classes": "class_metrics",
                "models.classifier": "Classifier",
            }
        return [f"from {module} import {names}" for module, names in modules.items()]

    def recipe(self, summary: str, data: str, spread: float) -> list[str]:
        number = self.output is not None
        kind, second = ("Regressor", literal(self.output or "")) if number else ("Classifier", "LABELS")
        first = (
            ("ridge", "_ridge", '{"alpha": 1.0}') if number else ("logistic regression", "_logistic", "{}")
        )
        candidates = [
            f"        {kind}({literal(title)}, {second}, {maker}, {settings}),"
            for title, maker, settings in (first, *_TRIED)
        ]
        return [
            "RECIPE = Recipe(",
            "    endpoint=handler,",
            f"    title={literal(title_of(self.name))},",
            f"    summary={literal(summary)},",
            "    load=load,",
            "    sample=sample,",
            "    candidates=(",
            *candidates,
            "    ),",
            f"    splitter={self.splitter},",
            f"    baseline={f'Mean({second})' if number else 'MostFrequent("label")'},",
            f"    metrics={f'regression_metrics({second})' if number else 'class_metrics("label")'},",
            f"    score={literal('rmse' if number else 'accuracy')},",
            *([] if number else ["    greater_is_better=True,"]),
            f"    parity_tolerance={float(f'{0.01 * spread:.2g}') or 1e-6 if number else 1e-3!r},",
            f"    limits=({literal(f'It knows nothing that {one_line(data, 40)} does not tell.')},),",
            ")",
        ]
