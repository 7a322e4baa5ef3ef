"""What goes in and what comes out of a model: typed records, seen as columns by the code that computes.

One declaration serves three readers: people send records (KServe V1), programs send one tensor per field
(Open Inference Protocol), and `features()` reads the same NumPy columns in both cases and in training.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from maas.errors import ConfigurationError, FieldError, InvalidRecord
from maas.field import Field
from maas.limits import PIXELS, PIXELS_TOGETHER, ROWS, Limits
from maas.schema import fields_of

type Column = NDArray[Any]
type Columns = Mapping[str, Column]
type Matrix = NDArray[np.float32]

_RULES = (
    "extra",
    "strict",
    "allow_inf_nan",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
    "str_min_length",
    "str_max_length",
    "alias_generator",
)
_FEW = 500  # records; of more, a tuple for each takes longer than it saves
MAX_ERRORS = 20  # places named in one answer; more would only bury the first


class Record(BaseModel):
    """Base of everything a caller sends: strict types, finite numbers, no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Prediction(BaseModel):
    """Base of everything a model answers, one per record."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def exactly_one(*names: str) -> dict[str, Any]:
    """What a record's `json_schema_extra` says where just one of these optional fields may be given.

    The types cannot: `features()` refuses the other records.
    """
    absent: dict[str, Any] = {"type": "null"}
    return {
        "oneOf": [
            {"required": [one], "properties": {n: {"not": absent} if n == one else absent for n in names}}
            for one in names
        ]
    }


class Tensor(NamedTuple):
    """Name, Open Inference Protocol datatype and shape (-1: any number of records) of one column."""

    name: str
    datatype: str
    shape: list[int]


class Contract[R: Record, P: Prediction]:
    """A model's records, predictions and features, compiled once.

    Args:
        record: What one instance looks like.
        prediction: What comes back for it.
        features: Turns n records, as columns, into the model's matrix of shape (n, len(feature_names)).
        feature_names: The matrix's columns, in order.
        respond: Turns the model's outputs, by name, into the prediction's fields; by default the outputs
            are named like the fields and need no more work.
        raw: Media types whose whole body is one record, each with the text field that holds it as base64.
        max_rows: Records in one request.

    Raises:
        ConfigurationError: A field cannot be a column or has no limit, or two features have one name.
    """

    def __init__(
        self,
        record: type[R],
        prediction: type[P],
        features: Callable[[Columns], Matrix],
        *,
        feature_names: Sequence[str],
        respond: Callable[[Columns], Columns] | None = None,
        raw: Mapping[str, str] | None = None,
        max_rows: int = ROWS,
    ) -> None:
        self.record = record
        self.prediction = prediction
        self.feature_names = tuple(feature_names)
        self.fields: Mapping[str, Field] = fields_of(record)
        """The record's fields by name."""
        self.answers: Mapping[str, Field] = fields_of(prediction)
        """The prediction's fields by name."""
        self.raw = dict(raw or {})
        self.max_rows = max_rows
        self._features = features
        self._respond = respond
        if any(record.model_config.get(key) != Record.model_config.get(key) for key in _RULES):
            raise ConfigurationError(f"{record.__name__} changes the rules of Record, which tensors go by")
        if len(set(self.feature_names)) != len(self.feature_names):
            raise ConfigurationError(f"{record.__name__}: two features have one name")
        for name in self.raw.values():
            if name not in self.fields or self.fields[name].kind != "text":
                raise ConfigurationError(f"{record.__name__} has no text field {name!r} for a raw body")
        for field in self.fields.values():
            if field.kind == "int" and not field.fits_64_bits:
                # JSON knows integers of any size, a column does not.
                raise ConfigurationError(
                    f"{record.__name__}.{field.name}: an integer needs a lower and an upper limit"
                )
            if field.kind == "text" and field.text_length is None:
                raise ConfigurationError(f"{record.__name__}.{field.name}: a text needs a max_length")

    @cached_property
    def _records(self) -> TypeAdapter[list[R]]:
        return TypeAdapter(list[self.record])  # type: ignore[name-defined]

    @property
    def limits(self) -> Limits:
        """What a request may be at most."""
        fields = self.fields.values()
        pictured = bool(self.raw)
        return Limits(
            rows=self.max_rows,
            # The body, its list of instances, one instance, and the lists within that.
            json_depth=3 + max(len(field.shape) for field in fields),
            text_length={field.name: length for field in fields if (length := field.text_length)},
            pixels=PIXELS if pictured else None,
            pixels_together=PIXELS_TOGETHER if pictured else None,
        )

    def inputs(self) -> list[Tensor]:
        """The record as tensors."""
        return [Tensor(f.name, f.datatype, f.tensor_shape) for f in self.fields.values()]

    def outputs(self) -> list[Tensor]:
        """The prediction as tensors."""
        return [Tensor(f.name, f.datatype, f.tensor_shape) for f in self.answers.values()]

    def parse(self, instances: Sequence[Mapping[str, Any]], *, at: str = "/instances") -> Columns:
        """Validate plain dictionaries, as they come out of a JSON parser or a table, into columns.

        Raises:
            InvalidRecord: Naming each place below `at`.
        """
        try:
            # Dates arrive as text here: only JSON mode reads them while staying strict elsewhere.
            records = self._records.validate_json(_json(instances))
        except ValidationError as error:
            raise invalid_record(error, at) from None
        return self.columns(records)

    def columns(self, records: Sequence[R]) -> Columns:
        """N validated records as one array per field, of shape (n, *field.shape)."""
        found: dict[str, Column] = {}
        for dtype, names, values in self._alike if len(records) <= _FEW else ():
            together = np.array(list(map(values, records)), dtype).reshape(-1, len(names))
            found |= zip(names, np.ascontiguousarray(together.T), strict=True)
        return {
            name: found[name] if name in found else field.column(list(map(attrgetter(name), records)))
            for name, field in self.fields.items()
        }

    @cached_property
    def _alike(self) -> list[tuple[np.dtype, list[str], Callable[[R], tuple[Any, ...]]]]:
        """Numbers that become columns together: what those are made of, their names, how to read them."""
        found: dict[np.dtype, list[str]] = {}
        for name, field in self.fields.items():
            if field.kind in {"float", "int", "bool"} and not field.shape:
                found.setdefault(field.column([]).dtype, []).append(name)
        return [(dtype, names, attrgetter(*names)) for dtype, names in found.items() if len(names) > 1]

    def matrix(self, columns: Columns) -> Matrix:
        """The model's input of shape (n, number of features), float32, contiguous and finite.

        Raises:
            InvalidRecord: A record leads to a feature that is not a finite float32.
        """
        # What overflows, here or inside features(), is found and named below.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            matrix = np.ascontiguousarray(self._features(columns), dtype=np.float32)
        rows = len(next(iter(columns.values())))
        if matrix.shape[0] != rows or matrix.shape[1:] != (len(self.feature_names),):
            raise ValueError(
                f"features() gave shape {matrix.shape}, expected {(rows, len(self.feature_names))}"
            )
        if not np.isfinite(matrix).all():
            bad = np.argwhere(~np.isfinite(matrix))[:MAX_ERRORS]
            raise InvalidRecord(
                "Some values are outside what the model can compute with.",
                errors=[
                    FieldError(f"/instances/{row}", f"{self.feature_names[column]} is not finite")
                    for row, column in bad
                ],
            )
        return matrix

    def respond(self, outputs: Columns) -> dict[str, Column]:
        """The model's outputs as the prediction's columns, in the prediction's order and precision."""
        answers = self.unrounded(outputs)
        return {name: field.finish(answers[name]) for name, field in self.answers.items()}

    def unrounded(self, outputs: Columns) -> Columns:
        """The prediction's fields, not yet in their own precision."""
        return outputs if self._respond is None else self._respond(outputs)


def rows(columns: Columns) -> list[dict[str, Any]]:
    """Columns as one plain, JSON-ready dictionary per row."""
    names = list(columns)
    return [
        dict(zip(names, row, strict=True))
        for row in zip(*(_plain(column) for column in columns.values()), strict=True)
    ]


def _plain(column: Column) -> list[Any]:
    values: list[Any] = (np.datetime_as_string(column) if column.dtype.kind == "M" else column).tolist()
    return values


def invalid_record(error: ValidationError, at: str) -> InvalidRecord:
    """Pydantic's findings as our error, each with its JSON pointer below `at`."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = [FieldError(pointer(at, fault["loc"]), fault["msg"]) for fault in found[:MAX_ERRORS]]
    more = len(found) - len(places)
    suffix = f" (and {more} more)" if more else ""
    return InvalidRecord(f"{places[0].pointer or 'The body'}: {places[0].detail}{suffix}", errors=places)


def pointer(at: str, location: Sequence[int | str]) -> str:
    """An RFC 6901 JSON pointer: `at` followed by the parts of `location`, each cut to 80 characters."""
    return at + "".join("/" + str(part)[:80].replace("~", "~0").replace("/", "~1") for part in location)


def _json(instances: Sequence[Mapping[str, Any]]) -> bytes:
    import orjson

    return orjson.dumps(instances, option=orjson.OPT_SERIALIZE_NUMPY)
