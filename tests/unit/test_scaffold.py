"""What `maas new` tells from a file, and what it writes; the whole way is in test_adding_a_model.py."""

import ast
import csv
import io
import keyword
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from maas.errors import AlreadyExists, BrokenArtifact, ConfigurationError, DataError, MaasError
from models.export import converted
from models.scaffold.adopted import adopted
from models.scaffold.code import WIDTH, identifier, literal, name_and_unit, sequence
from models.scaffold.column import Column, columns
from models.scaffold.pipeline import to_onnx
from models.scaffold.project import MOST_MODELS, write
from models.scaffold.tabular import tabular
from models.scaffold.template_block import block, inserted, models_in

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")


def only(*cells: str, header: str = "x") -> Column:
    """The one column of a file with these cells."""
    (column,) = columns({header: list(cells)})
    return column


def test_a_block_is_what_the_template_has() -> None:
    """A new block is, character by character, the shape of the blocks that are there."""
    written = block("air_quality", "PM2.5 six hours and a day ahead.")
    assert written in TEMPLATE


def test_insertion_changes_nothing_else() -> None:
    """The block comes last among the models, its throttles and output last among theirs; all lines stay."""
    changed = inserted(TEMPLATE, "new_model", 'Says "x".')
    assert block("new_model", 'Says "x".') in changed
    before, after = TEMPLATE.splitlines(), changed.splitlines()
    added = len(after) - len(before)
    kept = iter(after)
    assert all(line in kept for line in before)
    assert added == len(block("new_model", "x").splitlines()) + 1 + 8 + 3
    place = after.index('        - ResourcePath: "/~1v1~1models~1new_model:explain"')
    assert after[place - 8].endswith(':explain"')
    assert after[place + 4] == '        - ResourcePath: "/~1v1~1models~1new_model~1{proxy+}"'
    assert after[place + 1 : place + 4] == after[place + 5 : place + 8] == after[place - 3 : place]
    assert changed.index("  NewModelFunction:\n    Description") < changed.index(
        "  DependenciesLayer:\n    Desc"
    )
    with pytest.raises(AlreadyExists):
        inserted(changed, "new_model", "again")
    with pytest.raises(ConfigurationError):
        inserted("Resources:\n", "new_model", "nothing to go by")


@given(st.text(max_size=40))
def test_any_text_is_a_literal(text: str) -> None:
    """A text as source reads back as the same text, on one line."""
    written = literal(text)
    assert ast.literal_eval(written) == text
    assert len(written.splitlines()) == 1


@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_header_becomes_a_field(headers: Sequence[str]) -> None:
    """Names are distinct identifiers that neither Python nor pydantic uses."""
    names: list[str] = []
    for header in headers:
        names.append(identifier(header, names))
    assert len(set(names)) == len(names)
    for name in names:
        assert name.isidentifier()
        assert name.islower()
        assert not keyword.iskeyword(name)
        assert not hasattr(BaseModel, name)
        assert not name.startswith("model_")


def test_long_sequences_are_broken_into_lines() -> None:
    """What fits stays on a line; what does not has one value a line; both are the same values."""
    assert sequence("x = ", ["a"]) == 'x = ("a",)'
    broken = sequence("x = ", ["a" * 50, "b" * 60])
    assert max(map(len, broken.splitlines())) <= WIDTH
    assert ast.literal_eval(broken.partition(" = ")[2]) == ("a" * 50, "b" * 60)


@pytest.mark.parametrize(
    ("cells", "kind", "missing"),
    [
        (("1", "-2", "30"), "int", False),
        (("1", "", "30"), "float", True),
        (("1.5", "NA", "2"), "float", True),
        (("007", "008"), "text", False),
        (("1e400", "1"), "text", False),
        (("inf", "1"), "text", False),
        (("true", "False"), "bool", False),
        (("true", ""), "text", True),
        (("2024-01-01", "2024-01-02T03:00"), "time", False),
        (("2024-01-01T00:00:00Z",), "text", False),
        (("red", "?"), "text", True),
        (("", ""), "text", True),
    ],
)
def test_kinds_are_told_from_the_texts(cells: tuple[str, ...], kind: str, missing: bool) -> None:  # noqa: FBT001
    """Numbers, codes, truth values, times and texts, each with or without gaps."""
    column = only(*cells)
    assert (column.kind, column.missing) == (kind, missing)


@given(st.lists(st.floats(-1e20, 1e20) | st.integers(-(10**14), 10**14), min_size=1, max_size=5))
def test_bounds_hold_what_the_file_held(values: list[float]) -> None:
    """Whatever the file held is permitted, and counts stay counts."""
    column = only(*map(repr, values))
    low, high = column.bounds
    assert low <= min(column.values) <= max(column.values) <= high
    assert low < high
    if column.kind == "int" and min(values) >= 0:
        assert low == 0


def test_a_header_may_say_the_unit() -> None:
    """A unit in brackets is the field's."""
    assert name_and_unit("Temperature (°C)") == ("Temperature", "°C")
    assert name_and_unit("speed [km/h]") == ("speed", "km/h")
    assert name_and_unit("(x)") == ("(x)", None)


def _file(tmp_path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    path = tmp_path / "data.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("target", "rows", "message"),
    [
        ("z", [[n, n] for n in range(30)], "no column 'z'"),
        ("y", [[n, n] for n in range(5)], "too few"),
        ("y", [[n, ""] for n in range(30)], "neither numbers nor a few classes"),
        ("y", [[n, n * 0.5 if n else ""] for n in range(30)], "missing values"),
        ("y", [[n, "same"] for n in range(30)], "one value only"),
        ("y", [[n, f"text {n}"] for n in range(30)], "neither numbers nor a few classes"),
        ("y", [[f"id-{n}", n * 0.5] for n in range(60)], "no column to learn"),
    ],
)
def test_files_that_cannot_be_learnt_from_are_refused(
    tmp_path: Path, target: str, rows: Sequence[Sequence[Any]], message: str
) -> None:
    """Each reason has its own sentence."""
    with pytest.raises(DataError, match=message):
        tabular("new_model", _file(tmp_path, ["x", "y"], rows), target)


@pytest.mark.parametrize("target", ["number", "label", "flag", "grade"])
def test_every_kind_of_column_is_written_as_python(tmp_path: Path, target: str) -> None:
    """Names, texts and gaps of all kinds end up in source that compiles, within the line length."""
    header = [
        "number",
        "label",
        "flag",
        "grade",
        "when",
        "gaps",
        'a "quoted" (m/s)',
        "class",
        "x" * 79,
        "y" * 90,
    ]
    quoted = ["it's", 'say "x"']
    rows = [
        [n / 2, "ab"[n % 2], n % 2 == 0, n % 3, f"2024-01-{1 + n % 28:02}", gap, n, quoted[n % 2], n, n]
        for n in range(60)
        for gap in ("" if n % 5 else n,)
    ]
    parts = tabular("new_model", _file(tmp_path, header, rows), target)
    for source in (parts.handler, parts.train):
        ast.parse(source)
        assert max(map(len, source.splitlines())) <= WIDTH
    assert any("more than 80 characters" in remark for remark in parts.remarks)
    assert target not in parts.record


def _forest(*, zipmap: bool = False) -> bytes:
    from skl2onnx import to_onnx as convert
    from sklearn.ensemble import RandomForestClassifier

    matrix = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    estimator = RandomForestClassifier(2, random_state=0).fit(matrix, matrix[:, 0] > 0)
    if zipmap:
        return bytes(
            convert(estimator, matrix[:1], target_opset={"": 18, "ai.onnx.ml": 3}).SerializeToString()
        )
    return bytes(converted(estimator, 3, ["label", "probabilities"]).SerializeToString())


@pytest.mark.parametrize(
    ("artifact", "names", "error", "message"),
    [
        (b"no model", [], BrokenArtifact, "cannot open"),
        (_forest, ["a"], DataError, "takes 3 inputs, not 1"),
        (lambda: _forest(zipmap=True), [], BrokenArtifact, "zipmap"),
    ],
    ids=["not ONNX", "wrong names", "sequence of maps"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_that_cannot_be_served_are_refused(
    artifact: Any, names: list[str], error: type[MaasError], message: str
) -> None:
    """Bytes that are no model, names that do not fit, outputs that are no tensors."""
    content = artifact() if callable(artifact) else artifact
    with pytest.raises(error, match=message):
        adopted("new_model", content, "file.onnx", names)


def test_only_fitted_estimators_are_converted() -> None:
    """An estimator that has learnt nothing, and things that are none, are refused in a sentence."""
    from sklearn.linear_model import LinearRegression

    for wrong in (LinearRegression(), "a text"):
        with pytest.raises(ConfigurationError, match="no fitted"):
            to_onnx(wrong)
    artifact, names = to_onnx(LinearRegression().fit(np.eye(3), [1, 2, 3]))
    assert names == []
    assert "value: float" in adopted("new_model", artifact, "x").handler


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A name that is taken, or is none, is refused before any file is made."""
    parts = adopted("new_model", _forest(), "file.onnx")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    written = write(tmp_path, parts)
    assert all((tmp_path / path).is_file() for path in written)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(AlreadyExists):
        write(tmp_path, parts)
    for name in ("New", "a__b", "1x", "../x"):
        with pytest.raises(ConfigurationError, match="no model name"):
            write(tmp_path, adopted(name, _forest(), "file.onnx"))
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_full_template_takes_no_further_model(tmp_path: Path) -> None:
    """The last model that fits is made; the next one is refused, and nothing is written."""
    text, template = TEMPLATE, tmp_path / "template.yaml"
    for number in range(MOST_MODELS - 1 - models_in(TEMPLATE)):
        text = inserted(text, f"more_{number}", "One more.")
    template.write_text(text)
    (tmp_path / "rows.csv").write_text("x,y\n" + "".join(f"{n},{2 * n}.5\n" for n in range(60)))
    write(tmp_path, tabular("the_last", str(tmp_path / "rows.csv"), "y"))
    full = template.read_text()
    assert models_in(full) == MOST_MODELS
    with pytest.raises(ConfigurationError, match="19 models"):
        write(tmp_path, tabular("one_too_many", str(tmp_path / "rows.csv"), "y"))
    assert template.read_text() == full
    assert not (tmp_path / "functions" / "one_too_many").exists()
