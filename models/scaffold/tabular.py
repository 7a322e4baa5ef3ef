"""The function and the training of a model that learns one column of a CSV file from the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maas.errors import DataError
from models.csv_file import CsvFile
from models.scaffold import tabular_training
from models.scaffold.code import call, identifier, literal, name_and_unit, one_line, sequence
from models.scaffold.column import Column, columns
from models.scaffold.parts import Parts, title_of
from models.scaffold.template_block import camel
from models.source import read_source
from models.validation import TimeOrdered

_READERS = {"float": "floats", "int": "integers", "bool": "booleans", "text": "texts", "time": "times"}
_FEWEST_ROWS = 20
_LONGEST_HEADER = 80


def tabular(name: str, path: str, target: str, summary: str | None = None) -> Parts:
    """The parts of a model made from a labelled CSV file.

    Args:
        name: The model's.
        path: The file, with a header.
        target: The column to learn.
        summary: One line for people.

    Raises:
        DataError: The file cannot be read, has no such column, or nothing to learn it from.
    """
    source = read_source(path)
    file = CsvFile.parse(source, required=[target])
    if len(file) < _FEWEST_ROWS:
        raise DataError(f"{source.name}: {len(file)} rows are too few to learn from")
    every = columns(file.columns)
    answer = next(one for one in every if one.header == target)
    inputs, remarks = [], []
    for one in every:
        if one is answer:
            continue
        if reason := _unusable(one):
            remarks.append(f"column {one.header!r} is left out: {reason}")
        else:
            inputs.append(one)
    if not inputs:
        raise DataError(f"{source.name}: no column to learn {target!r} from")
    if not answer.is_label and answer.kind not in {"float", "int"}:
        raise DataError(f"{source.name}: column {target!r} holds neither numbers nor a few classes")
    if answer.missing:
        raise DataError(f"{source.name}: column {target!r} has missing values")
    if answer.is_label and len(answer.choices) < 2:  # noqa: PLR2004 - nothing to tell apart
        raise DataError(f"{source.name}: column {target!r} has one value only")
    summary = one_line(summary or f"{answer.header}, from the columns of {source.name}.", 90)
    record = {one.name: one.example for one in inputs}
    return Parts(
        name=name,
        summary=summary,
        handler=_handler(name, source.name, summary, inputs, answer),
        train=_train(name, source.name, summary, inputs, answer),
        record=record,
        refused={**record, "no_such_field": 1},
        remarks=tuple(remarks),
        how_to_train=f"--data {source.name}",
    )


def _unusable(column: Column) -> str | None:
    if not column.values:
        return "it is empty"
    if len(column.header) > _LONGEST_HEADER:
        return f"its name has more than {_LONGEST_HEADER} characters"
    if column.kind == "time" and column.missing:
        return "times are missing"
    if column.kind == "text" and not column.is_category:
        return f"{len(column.choices)} different texts"
    return None


def _handler(name: str, data: str, summary: str, inputs: Sequence[Column], answer: Column) -> str:
    categories = [one for one in inputs if one.kind == "text"]
    kinds = {one.kind for one in inputs}
    filled = any(one.kind == "float" and one.missing for one in inputs)
    used = sorted(
        [
            *(["cyclic_day_of_year", "cyclic_hour", "cyclic_weekday"] if "time" in kinds else []),
            *(["one_hot", "one_hot_names"] if categories else []),
            *(["fill_constant"] if filled else []),
        ]
    )
    typing = [*(["Literal"] if categories or answer.is_label else []), *(["get_args"] if categories else [])]
    lines = [f'"""{title_of(name)}: {one_line(summary, 80)}"""', ""]
    if typing:
        lines += [f"from typing import {', '.join(typing)}", ""]
    lines += ["import numpy as np"]
    lines += [f"from pydantic import {'Field, NaiveDatetime' if 'time' in kinds else 'Field'}", ""]
    lines += ["from maas.contract import Columns, Matrix, Prediction, Record"]
    lines += ["from maas.endpoint import Endpoint"]
    if used:
        lines.append(sequence_of_names("from maas.preprocessing import ", used))
    if categories or answer.is_label:
        lines.append("")
    for one in categories:
        lines += [sequence(f"{_choice(one)} = Literal", one.choices, brackets="[]")]
    if answer.is_label:
        lines += [sequence("Label = Literal", answer.choices, brackets="[]")]
    lines += ["", "", f"class {camel(name)}Record(Record):"]
    lines += [f'    """One row of a table like {one_line(data, 70)}, without what is to be told."""', ""]
    for one in inputs:
        lines += _field(one, data)
    lines += ["", "", f"class {camel(name)}Prediction(Prediction):"]
    lines += [f'    """What the model says about {one_line(answer.header, 60)}."""', ""]
    lines += _answer_fields(answer)
    lines += ["", "", *_features(inputs), ""]
    if answer.is_label:
        lines += ["", *_respond(answer), ""]
    endpoint = f"{camel(name)}Record, {camel(name)}Prediction, features"
    respond = "    respond=respond,\n" if answer.is_label else ""
    lines += [
        "",
        "handler = Endpoint(",
        *(f"    {part}," for part in (literal(name), *endpoint.split(", "))),
        f"    feature_names=FEATURES,\n{respond})",
    ]
    return "\n".join(lines) + "\n"


def sequence_of_names(before: str, names: Sequence[str]) -> str:
    """An import of several names: on one line if they fit, else one a line."""
    line = before + ", ".join(names)
    inner = "".join(f"    {name},\n" for name in names)
    return line if len(line) <= 110 else f"{before}(\n{inner})"  # noqa: PLR2004 - the line length


def _choice(column: Column) -> str:
    return f"{camel(column.name)}Choice"


def _field(column: Column, data: str) -> list[str]:
    kinds = {"float": "float", "int": "int", "bool": "bool", "time": "NaiveDatetime"}
    kind = kinds.get(column.kind) or _choice(column)
    lines = [f"    {column.name}: {kind}{' | None' if column.missing else ''} = Field("]
    if column.missing:
        lines.append("        default=None,")
    if column.kind in {"float", "int"}:
        # Half as much again as in the file, on either side.
        low, high = column.bounds
        lines += [f"        ge={low!r},", f"        le={high!r},"]
    text = f"Column {one_line(column.header, 40)} of {one_line(data, 40)}."
    lines += [f"        description={literal(text)},", f"        examples=[{literal(column.example)}],"]
    if column.kind in {"float", "int"}:
        lines.append(f'        json_schema_extra={{"unit": {literal(column.unit or "1")}}},')
    return [*lines, "    )"]


def _answer_fields(answer: Column) -> list[str]:
    told = literal(f"Column {one_line(answer.header, 40)}.")
    if answer.is_label:
        return [
            f"    label: Label = Field(description={told})",
            "    probability: float = Field(",
            '        description="Of the label.",',
            '        json_schema_extra={"unit": "1", "probability_of": "answer"},',
            "    )",
        ]
    unit = literal(name_and_unit(answer.header)[1] or "1")
    return [
        f"    {output_of(answer)}: float = Field(",
        f"        description={told},",
        f'        json_schema_extra={{"unit": {unit}}},',
        "    )",
    ]


def output_of(answer: Column) -> str:
    """The prediction's field of a numeric target."""
    return identifier(name_and_unit(answer.header)[0])


def _features(inputs: Sequence[Column]) -> list[str]:
    names: list[str] = []
    made: list[str] = []
    for one in inputs:
        column = f'records["{one.name}"]'
        match one.kind:
            case "time":
                for part in ("hour", "weekday", "day_of_year"):
                    names += [f'    "{one.name}_{part}_sin",', f'    "{one.name}_{part}_cos",']
                    made.append(f"        *cyclic_{part}({column}),")
            case "text":
                names.append(f'    *one_hot_names("{one.name}", get_args({_choice(one)})),')
                made.append(f"        *one_hot({column}, get_args({_choice(one)})).T,")
            case "float" if one.missing:
                names += [f'    "{one.name}",', f'    "{one.name}_missing",']
                made += [
                    f"        fill_constant({column}, {one.median!r}).values,",
                    f"        np.isnan({column}),",
                ]
            case _:
                names.append(f'    "{one.name}",')
                made.append(f"        {column},")
    return [
        *([f"FEATURES = ({names[0].strip()})"] if len(names) == 1 else ["FEATURES = (", *names, ")"]),
        "",
        "",
        "def features(records: Columns) -> Matrix:",
        '    """The model\'s matrix, shape (n, len(FEATURES)), float32, finite."""',
        "    columns = [",
        *made,
        "    ]",
        "    return np.column_stack(columns).astype(np.float32)",
    ]


def _respond(answer: Column) -> list[str]:
    return [
        sequence("LABELS: tuple[Label, ...] = ", answer.choices),
        "",
        "",
        "def respond(outputs: Columns) -> Columns:",
        '    """The most probable label, and its probability."""',
        '    probabilities = outputs["probabilities"]',
        "    best = probabilities.argmax(axis=1)",
        '    return {"label": np.array(LABELS, object)[best], "probability": probabilities.max(axis=1)}',
    ]


def _train(name: str, data: str, summary: str, inputs: Sequence[Column], answer: Column) -> str:
    time = next((one for one in inputs if one.kind == "time"), None)
    if time is not None and _time_unit(time) is None:
        time = None
    ranges: dict[str, tuple[Any, ...]] = {one.name: one.range for one in inputs}
    values = [
        call(f'        "{one.name}": {_READERS[one.kind]}', f"file, {literal(one.header)}", ",")
        for one in inputs
    ]
    numbers = np.array(answer.values, np.float64) if not answer.is_label else np.zeros(1)
    return tabular_training.train(
        name=name,
        data=one_line(data, 60),
        summary=summary,
        readers=sorted({_READERS[one.kind] for one in inputs}),
        values=values,
        required=[one.header for one in inputs],
        ranges=ranges,
        target=answer.header,
        target_is_text=answer.kind == "text",
        target_is_bool=answer.kind == "bool",
        output=None if answer.is_label else output_of(answer),
        moments=(float(f"{numbers.mean():.4g}"), float(f"{numbers.std():.4g}")),
        time=None if time is None else (time.name, time.header, _time_unit(time) or "D"),
    )


def _time_unit(column: Column) -> str | None:
    """The largest unit of time of which there are enough to make folds of, or None."""
    moments = np.array(column.values, "datetime64[s]")
    enough = 4 * (TimeOrdered().n_folds + 1)
    return next((unit for unit in "Dhms" if len(np.unique(moments.astype(f"M8[{unit}]"))) >= enough), None)
