"""The fields of a record or prediction class, read from its annotations."""

from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel, NaiveDatetime
from pydantic.fields import FieldInfo

from maas.errors import ConfigurationError
from maas.field import Field, Kind, flatten

_KINDS: dict[Any, Kind] = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "text",
    datetime: "time",
    NaiveDatetime: "time",
}


def fields_of(model: type[BaseModel]) -> dict[str, Field]:
    """The fields of a record or prediction, in order.

    Raises:
        ConfigurationError: A field's type has no fixed column, or the model has rules that tensors would
            not be held to.
    """
    rules = model.__pydantic_decorators__
    if rules.validators or rules.field_validators or rules.root_validators or rules.model_validators:
        raise ConfigurationError(
            f"{model.__name__} has validator methods, which tensors pass by: put limits into the types"
        )
    if not model.model_fields:
        raise ConfigurationError(f"{model.__name__} has no fields")
    return {name: _field(model, name, info) for name, info in model.model_fields.items()}


def _field(model: type[BaseModel], name: str, info: FieldInfo) -> Field:
    if info.alias or info.validation_alias or info.serialization_alias:
        raise ConfigurationError(f"{model.__name__}.{name}: an alias would be its name in one dialect only")
    annotation: Any = info.annotation
    limits: tuple[Any, ...] = tuple(info.metadata)
    annotation, limits, optional = _without_none(annotation, limits)
    shape: tuple[int, ...] = ()
    least: list[int] = []
    holes = False
    while get_origin(annotation) is list:
        fewest, most = _lengths(list(flatten(limits)), f"{model.__name__}.{name}")
        shape, least = (*shape, most), [*least, fewest]
        annotation, limits = _bare(get_args(annotation)[0], ())
        annotation, limits, holes = _without_none(annotation, limits)
    kind = _kind(annotation)
    ragged = tuple(least) != shape
    missing = optional or holes or ragged
    if (
        kind is None
        or (missing and kind in {"int", "bool", "time"})
        or (missing and shape and kind != "float")
        or (ragged and len(shape) > 1)
    ):
        raise ConfigurationError(
            f"{model.__name__}.{name}: {info.annotation} has no column of numbers or text"
        )
    element = annotation | None if missing else annotation
    if limits:
        element = Annotated[element, *limits]
    return Field(
        name, kind, shape, optional, holes, least[0] if ragged else None, info.is_required(), info, element
    )


def _without_none(annotation: Any, limits: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...], bool]:
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation, limits, False
    members = [member for member in get_args(annotation) if member is not NoneType]
    optional = len(members) < len(get_args(annotation))
    return *_bare(members[0] if len(members) == 1 else annotation, limits), optional


def _bare(annotation: Any, limits: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(annotation) is Annotated:
        bare, *more = get_args(annotation)
        return bare, (*limits, *flatten(tuple(more)))
    return annotation, limits


def _lengths(limits: list[Any], place: str) -> tuple[int, int]:
    match limits:
        case [at.MinLen(least), at.MaxLen(most)] | [at.MaxLen(most), at.MinLen(least)] if (
            most >= least >= 0 < most
        ):
            return int(least), int(most)
        case [at.MaxLen(most)] if most > 0:
            return 0, int(most)
    raise ConfigurationError(f"{place}: a list needs max_length, may have min_length, and no other limits")


def _kind(annotation: Any) -> Kind | None:
    if get_origin(annotation) is Literal:
        # Pydantic takes true and 1.0 for Literal[1]: choices are texts, numbers have limits.
        return "text" if {type(choice) for choice in get_args(annotation)} == {str} else None
    return _KINDS.get(annotation)
