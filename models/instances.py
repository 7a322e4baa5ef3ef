"""Records as callers send them, made from columns."""

from datetime import datetime
from typing import Any

from maas.contract import Columns, Contract, rows
from maas.field import Field


def instances(contract: Contract[Any, Any], columns: Columns) -> list[dict[str, Any]]:
    """One JSON-ready record per row: what is missing is null, a list ends where its numbers end."""
    return [
        {name: _sent(contract.fields[name], value) for name, value in record.items()}
        for record in rows(columns)
    ]


def _sent(field: Field, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    elements = _with_null(value)
    if not isinstance(elements, list) or not field.may_miss:
        return elements
    while field.least is not None and len(elements) > field.least and elements[-1] is None:
        elements.pop()
    return None if field.optional and all(element is None for element in elements) else elements


def _with_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_null(element) for element in value]
    return None if value != value else value  # noqa: PLR0124 - only NaN differs from itself
