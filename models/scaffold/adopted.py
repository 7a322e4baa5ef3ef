"""The function and the training of a model that is an ONNX file already."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from maas.errors import BrokenArtifact, DataError
from maas.runtime import Session
from models.scaffold.code import identifier, literal, one_line, sequence
from models.scaffold.parts import Parts, title_of
from models.scaffold.template_block import camel

_FILE = "model.onnx"
_PROBED_ROWS = 5
_KINDS = {"f": "float", "i": "int", "u": "int", "b": "bool", "O": "str", "U": "str"}
_LIMIT = 1e6


class _Output(NamedTuple):
    """A graph's output as a field of the prediction."""

    graph_name: str
    field: str
    kind: str
    width: int | None

    @property
    def annotation(self) -> str:
        return self.kind if self.width is None else f"list[{self.kind}]"


def adopted(
    name: str, artifact: bytes, origin: str, feature_names: Sequence[str] = (), summary: str | None = None
) -> Parts:
    """The parts of a model that serves an ONNX file.

    Args:
        name: The model's.
        artifact: The file: one float32 input (n, k); outputs of n rows.
        origin: Where it came from, for people.
        feature_names: Names of the k inputs, which become the record's fields; without them the record is a
            list of k numbers.
        summary: One line for people.

    Raises:
        BrokenArtifact: The file is no such model.
        DataError: The names do not fit the model, or its width is unknown.
    """
    session = Session(artifact)
    width = session.width or len(feature_names)
    if not width:
        raise DataError(f"{origin} does not say how many inputs it takes; name them with --feature-names")
    if feature_names and len(feature_names) != width:
        raise DataError(f"{origin} takes {width} inputs, not {len(feature_names)}")
    names: list[str] = []
    for one in feature_names:
        names.append(identifier(one, names))
    outputs = _probed(session, width, origin)
    # A label is what people ask for; among numbers the first.
    judged = next((one for one in outputs if one.kind in {"str", "int"} and one.width is None), outputs[0])
    record: dict[str, Any] = dict.fromkeys(names, 0.0) if names else {"features": [0.0] * width}
    summary = one_line(summary or f"What {origin} says.", 90)
    return Parts(
        name=name,
        summary=summary,
        handler=_handler(
            name, summary=summary, names=names, headers=feature_names, width=width, outputs=outputs
        ),
        train=_train(name, origin=origin, summary=summary, names=names, width=width, judged=judged),
        record=record,
        refused={**record, "no_such_field": 1},
        files={_FILE: artifact},
        remarks=(
            "training adopts the file as it is; its sample is random inputs labelled by the model itself",
        ),
    )


def _probed(session: Session, width: int, origin: str) -> list[_Output]:
    """The outputs for a few random rows, described."""
    try:
        found = session.run(np.random.default_rng(0).normal(size=(_PROBED_ROWS, width)).astype(np.float32))
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise BrokenArtifact(f"{origin} fails on {_PROBED_ROWS} rows of {width} numbers") from error
    outputs: list[_Output] = []
    for graph_name, values in found.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind not in _KINDS:
            raise BrokenArtifact(
                f"{origin}: output {graph_name!r} is no tensor; scikit-learn's classifiers are exported with "
                "the option zipmap=False"
            )
        if values.ndim not in {1, 2} or len(values) != _PROBED_ROWS:
            raise BrokenArtifact(f"{origin}: output {graph_name!r} has shape {values.shape} for n rows")
        wide = values.shape[1] if values.ndim == 2 and values.shape[1] > 1 else None  # noqa: PLR2004
        field = identifier(graph_name, [one.field for one in outputs])
        outputs.append(_Output(graph_name, field, _KINDS[values.dtype.kind], wide))
    return outputs


def _handler(
    name: str,
    *,
    summary: str,
    names: Sequence[str],
    headers: Sequence[str],
    width: int,
    outputs: Sequence[_Output],
) -> str:
    renamed = any(one.field != one.graph_name for one in outputs)
    lines = [f'"""{title_of(name)}: {one_line(summary, 80)}"""', ""]
    lines += [] if names else ["from typing import Annotated", ""]
    lines += ["import numpy as np", "from pydantic import Field", ""]
    lines += ["from maas.contract import Columns, Matrix, Prediction, Record"]
    lines += ["from maas.endpoint import Endpoint", ""]
    # Nothing in an ONNX file says what its inputs may be.
    limits = f"ge={-_LIMIT!r}, le={_LIMIT!r}"
    lines += [] if names else [f"Feature = Annotated[float, Field({limits})]", ""]
    lines += ["", f"class {camel(name)}Record(Record):", '    """The model\'s inputs."""', ""]
    for place, (field, header) in enumerate(zip(names, headers, strict=True)):
        lines += [
            f"    {field}: float = Field(",
            f"        ge={-_LIMIT!r},",
            f"        le={_LIMIT!r},",
            f"        description={literal(f'Input {place}: {one_line(header, 60)}.')},",
            "        examples=[0.0],",
            '        json_schema_extra={"unit": "1"},',
            "    )",
        ]
    if not names:
        lines += [
            "    features: list[Feature] = Field(",
            f"        min_length={width},",
            f"        max_length={width},",
            '        description="The inputs in the order of the model\'s file.",',
            f"        examples=[[0.0] * {width}],",
            '        json_schema_extra={"unit": "1"},',
            "    )",
        ]
    lines += ["", "", f"class {camel(name)}Prediction(Prediction):", '    """The model\'s outputs."""', ""]
    for one in outputs:
        lines += [f"    {one.field}: {one.annotation} = Field("]
        if one.width is not None:
            lines += [f"        min_length={one.width},", f"        max_length={one.width},"]
        lines += [
            f"        description={literal(f'Output {one_line(one.graph_name, 50)} of the model.')},",
            '        json_schema_extra={"unit": "1"},',
            "    )",
        ]
    matrix = (
        "np.column_stack([records[name] for name in FEATURES]).astype(np.float32)"
        if names
        else 'records["features"].astype(np.float32)'
    )
    shape = (
        sequence("FEATURES = ", names)
        if names
        else (f'FEATURES = tuple(f"features_{{number}}" for number in range({width}))')
    )
    lines += ["", "", shape, "", "", "def features(records: Columns) -> Matrix:"]
    lines += [f'    """The model\'s matrix, shape (n, {width}), float32."""', f"    return {matrix}", ""]
    if renamed:
        lines += ["", "def respond(outputs: Columns) -> Columns:"]
        lines += ['    """The outputs under the prediction\'s names."""', "    return {"]
        lines += [f'        "{one.field}": outputs[{literal(one.graph_name)}],' for one in outputs]
        lines += ["    }", ""]
    lines += ["", "handler = Endpoint(", f'    "{name}",', f"    {camel(name)}Record,"]
    lines += [f"    {camel(name)}Prediction,", "    features,", "    feature_names=FEATURES,"]
    lines += ["    respond=respond,"] if renamed else []
    return "\n".join([*lines, ")"]) + "\n"


def _train(name: str, *, origin: str, summary: str, names: Sequence[str], width: int, judged: _Output) -> str:
    headers = list(names) or [f"features_{number}" for number in range(width)]
    number = judged.kind == "float"
    baseline = "Mean" if number else "MostFrequent"
    if judged.width is not None:
        truth = [f"{judged.field}_{place}" for place in range(judged.width)]
    else:
        truth = [judged.field]
    if len(truth) > 1:
        target = "np.column_stack([file.numbers(name) for name in _TRUTH])"
    elif number:
        target = "file.numbers(_TRUTH[0])"
    elif judged.kind == "int":
        target = "np.array(integers(file, _TRUTH[0]), np.int64)"
    else:
        target = "np.array(file.text(_TRUTH[0]), object)"
    values = (
        "{name: floats(file, name) for name in _INPUTS}"
        if names
        else '{"features": np.column_stack([file.numbers(name) for name in _INPUTS]).tolist()}'
    )
    readers = [*(["floats"] if names else []), *(["integers"] if "integers(" in target else []), "labelled"]
    numpy = "np." in values or "np." in target
    return (
        "\n".join(
            [
                f'"""Adoption of {one_line(origin, 60)}: it is published as it is."""',
                "",
                "from pathlib import Path",
                "",
                *(["import numpy as np", ""] if numpy else []),
                f"from functions.{name}.handler import handler",
                "from models.adopted import Adopted, agreement, self_labelled",
                f"from models.baseline import {baseline}",
                "from models.csv_file import CsvFile",
                f"from models.csv_values import {', '.join(readers)}",
                "from models.recipe import Recipe",
                "from models.source import Source",
                "from models.table import Table",
                "from models.validation import Grouped",
                "",
                f'_MODEL = Path(__file__).with_name("{_FILE}")',
                sequence("_INPUTS = ", headers),
                sequence("_TRUTH = ", truth),
                "",
                "",
                "def load(source: Source) -> Table:",
                '    """Read a CSV file with a column for each input and for the true output.',
                "",
                "    Raises:",
                "        DataError: The file is no such table.",
                '    """',
                "    file = CsvFile.parse(source, required=(*_INPUTS, *_TRUTH))",
                f"    values = {values}",
                f"    target = {target}",
                "    return labelled(handler.contract, source, file, values, target)",
                "",
                "",
                "def sample(seed: int) -> Table:",
                '    """Random inputs labelled by the model itself: figures on them say that it runs."""',
                f'    return self_labelled(handler.contract, _MODEL, "{judged.field}", seed=seed)',
                "",
                "",
                "RECIPE = Recipe(",
                "    endpoint=handler,",
                f"    title={literal(title_of(name))},",
                f"    summary={literal(summary)},",
                "    load=load,",
                "    sample=sample,",
                "    candidates=(Adopted(_MODEL),),",
                "    splitter=Grouped(n_folds=2, held_out=0.2),",
                f'    baseline={baseline}("{judged.field}"),',
                f'    metrics=agreement("{judged.field}"),',
                '    score="error",',
                "    parity_tolerance=1e-6,",
                "    refit=False,",
                "    optimise=False,",
                '    limits=("How it was made, and on what data, is not known here.",),',
                ")",
            ]
        )
        + "\n"
    )
