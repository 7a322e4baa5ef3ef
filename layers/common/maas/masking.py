"""What of a record may be kept: fields that are declared sensitive are not, nor what is computed from them.

`json_schema_extra={"sensitive": True}` drops a field from captured records; `"sensitive": "hash"` keeps a
keyed hash of it, so that equal values can be told to be equal. Callers' own names for people (`X-Subject`)
are only ever kept as such a hash.
"""

import hashlib
import hmac
from collections.abc import Mapping
from itertools import chain
from typing import Any, get_args

import annotated_types as at
import numpy as np
import orjson
from numpy.typing import NDArray

from maas.contract import Columns, Contract
from maas.field import Field, flatten
from maas.signals import Signals
from maas.truth import choices, extra

HASH = "hash"
_HASH_DIGITS = 32
_TEXTS = ("", "a few words of text", "一些文字")


def sensitive(contract: Contract[Any, Any]) -> Mapping[str, bool | str]:
    """The sensitive fields of the record, each with how it is declared: True, or "hash"."""
    found = {name: extra(field, "sensitive") for name, field in contract.fields.items()}
    return {name: how for name, how in found.items() if how}


class Pseudonyms:
    """Keyed hashes: the same value gives the same hash, and nobody without the key can try values out."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, value: Any, *, kind: str) -> str:
        """The hash of a JSON-able value, 32 hexadecimal digits; `kind` keeps fields apart."""
        text = orjson.dumps([kind, value], option=orjson.OPT_SERIALIZE_NUMPY)
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:_HASH_DIGITS]


class Mask:
    """Takes out of captured records what must not be kept.

    Args:
        contract: Says what is sensitive.
        samples: Some records as columns, such as a version's golden samples: around them it is tried out
            which signals change with a sensitive field.
    """

    def __init__(self, contract: Contract[Any, Any], samples: Columns) -> None:
        self._sensitive = sensitive(contract)
        self.signals = Signals(contract)
        self.kept = _independent(
            contract, self.signals, samples, [contract.fields[name] for name in self._sensitive]
        )
        """Which of the signals may be kept, shape (number of signals,)."""

    def instance(self, record: Mapping[str, Any], pseudonyms: Pseudonyms | None) -> dict[str, Any]:
        """A record without its sensitive fields; hashes need pseudonyms, without them they are left out."""
        kept = {name: value for name, value in record.items() if name not in self._sensitive}
        for name, how in self._sensitive.items():
            if how == HASH and pseudonyms is not None:
                kept[name] = pseudonyms.of(record[name], kind=name)
        return kept


def _independent(
    contract: Contract[Any, Any], signals: Signals, samples: Columns, fields: list[Field]
) -> NDArray[np.bool_]:
    """Which signals stay the same whatever the sensitive fields are."""
    kept = np.ones(len(signals.names), bool)
    # A summary of hundreds of features cannot be turned back into what it was made of.
    if not fields or signals.wide:
        return kept
    inputs = len(signals.inputs)
    try:
        before = signals.of_features(contract.matrix(samples))
        rows = len(before)
        for field in fields:
            for value in _alternatives(field):
                changed = {**samples, field.name: field.column([value] * rows)}
                kept[:inputs] &= (signals.of_features(contract.matrix(changed)) == before).all(axis=0)
    except Exception:  # noqa: BLE001 -- whatever a model's own code raises: what was not shown is not kept
        kept[:inputs] = False
    return kept


def _alternatives(field: Field) -> list[Any]:
    """Values of a field that are as different as its declaration allows."""
    if field.kind == "bool":
        values: list[Any] = [True, False]
    elif field.kind == "text":
        values = list(choices(field)) or list(_TEXTS)
    elif field.kind == "time":
        values = [np.datetime64(text, "s") for text in ("2001-01-01T00:00:00", "2024-07-06T17:30:00")]
    else:
        values = _numbers(field)
    for size in reversed(field.shape):
        values = [[value] * size for value in values]
    values += list(field.info.examples or ())
    return [*values, None] if field.optional else [value for value in values if value is not None]


def _numbers(field: Field) -> list[Any]:
    low, high = -1e6, 1e6
    for limit in flatten(
        tuple(chain.from_iterable(map(get_args, (field.element, *get_args(field.element)))))
    ):
        match limit:
            case at.Ge(bound) | at.Gt(bound):
                low = float(bound)  # type: ignore[arg-type]
            case at.Le(bound) | at.Lt(bound):
                high = float(bound)  # type: ignore[arg-type]
    spread = [low + (high - low) * share for share in (0.0, 0.01, 0.11, 0.37, 0.5, 0.83, 0.99)]
    return [int(value) for value in spread] if field.kind == "int" else spread
